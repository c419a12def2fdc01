"""Measuring in a process of its own, so that its cores and its memory are that one measurement's."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.encoder import memory, milliseconds, pixels
from benchmarks.service import WORDS, jpegs

Row = dict[str, Any]
ROOT = Path(__file__).parents[2]
BATCHES = (1, 2, 4, 8, 16, 32)
TEXT = "red dress long sleeve cotton summer"
"""Eight tokens of CLIP's, start and end included."""
TOGETHER = 16
"""Pictures or texts in one call, where the rate is measured."""


def alone(
    task: Row, wrapped: Callable[[list[str]], list[str]] = lambda command: command
) -> Row | None:
    """The figures of a task; None, with the reason on stderr, if it can't be done here. `wrapped`: what to run
    in place of the command, such as the same inside a control group."""
    command = [sys.executable, "-m", "benchmarks.growth.alone", json.dumps(task)]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        wrapped(command), env={**os.environ, "PYTHONPATH": path}, cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        print(f"  left out: {task}: {reason}", file=sys.stderr)
        return None
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return row


def measure_cores(model: str, precision: str, affinity: int | None, seconds: float) -> Row:
    """What the whole encoder gives on the cores that it may use: both towers, decoding included."""
    if affinity is not None:  # before the runtime is imported: it counts them then
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:affinity])
    encoder = _encoder(model, precision)
    files = jpegs(TOGETHER)
    texts = [" ".join(WORDS[(n + i) % len(WORDS)] for i in range(6)) for n in range(TOGETHER)]
    one_picture = milliseconds(lambda: encoder.encode_images(files[:1]), seconds=seconds)
    one_text = milliseconds(lambda: encoder.encode_texts(texts[:1]), seconds=seconds)
    pictures = milliseconds(lambda: encoder.encode_images(files), seconds=seconds, least=3)
    words = milliseconds(lambda: encoder.encode_texts(texts), seconds=seconds)
    return {
        "threads": encoder.info.threads,
        "precision": encoder.info.precision,
        "picture_ms": one_picture,
        "text_ms": one_text,
        "pictures_per_second": 1e3 * TOGETHER / pictures,
        "texts_per_second": 1e3 * TOGETHER / words,
        "resident_mb": memory()["resident"],
        "peak_mb": memory()["peak"],
    }


def measure_batch(model: str, precision: str, seconds: float) -> Row:
    """Milliseconds a picture and a text by batch, as the encoder runs it: large batches go in parts."""
    encoder = _encoder(model, precision)
    image = encoder.card.image
    side = image.height if image is not None else 224
    ids = encoder.tokenize([TEXT]).ids

    def each(call: Callable[[int], Callable[[], Any]]) -> dict[str, float]:
        return {str(n): milliseconds(call(n), seconds=seconds) / n for n in BATCHES}

    return {
        "precision": encoder.info.precision,
        "tokens": ids.shape[1],
        "picture": each(lambda n: partial(encoder.encode_pixels, pixels(n, side))),
        "text": each(lambda n: partial(encoder.encode_tokens, ids.repeat(n, axis=0))),
    }


TASKS: dict[str, Callable[..., Row]] = {"cores": measure_cores, "batch": measure_batch}


def _encoder(model: str, precision: str) -> Any:
    from lookalike.encoder import Encoder
    from lookalike.encoder.runtimes import Wanted

    if model == "random":
        from benchmarks.random_model import random_bundle

        return Encoder(random_bundle("ViT-B-32"), wanted=Wanted("cpu", precision, 0))  # type: ignore[arg-type]
    with contextlib.redirect_stdout(sys.stderr):
        return Encoder.load(model, device="cpu", precision=precision)  # type: ignore[arg-type]


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print(json.dumps(TASKS[given.pop("measure")](**given)))
