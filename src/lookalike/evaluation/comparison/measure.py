"""Measuring one model, alone in a process: `python -m lookalike.evaluation.comparison.measure`.

A job comes as JSON on standard input, a Row goes as JSON to standard output. A process each, because memory
that one model has used would otherwise count for the next.
"""

import io
import sys
import time
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from lookalike.encoder import Encoder
from lookalike.encoder.images import ImageLimits
from lookalike.encoder.runtimes import Wanted
from lookalike.errors import LookalikeError
from lookalike.evaluation.comparison.published import imagenet
from lookalike.evaluation.comparison.quality import measure_quality
from lookalike.evaluation.comparison.row import Row
from lookalike.evaluation.labelled import load
from lookalike.evaluation.timing import median_seconds
from lookalike.models.bundle import Bundle, data_name, open_bundle
from lookalike.models.cards import Frozen
from lookalike.settings import Device, Precision

SIDE = 800
"""Of the pictures that latency is measured with: what a shop's photos have."""

TEXTS = tuple(f"a photo of a {colour} {thing}" for colour in ("red", "navy", "striped", "woollen", "small")
              for thing in ("dress", "coffee mug"))  # fmt: skip


class Job(Frozen):
    name: str
    folder: str
    device: Device = "auto"
    precision: Precision = "auto"
    threads: int = 0
    runtime: Literal["auto", "openvino", "onnxruntime"] = "auto"
    seconds: float = 1.0
    """For each of the figures."""
    data: str | None = None
    label: str | None = None
    limit: int = 1000
    max_bytes: int
    max_pixels: int


def measure(job: Job) -> Row:
    """Raises what Encoder raises, SourceInvalid, SettingInvalid."""
    bundle = open_bundle(Path(job.folder))
    began = time.perf_counter()
    encoder = Encoder(
        bundle,
        wanted=Wanted(job.device, job.precision, job.threads, job.runtime),
        limits=ImageLimits(max_pixels=job.max_pixels, max_bytes=job.max_bytes),
    )
    load_seconds = time.perf_counter() - began
    pictures = _jpegs(32)
    timed: dict[str, float | None] = {}
    with encoder:
        if "image" in encoder.info.towers:
            timed["image_ms_1"] = 1e3 * _time(job, lambda: encoder.encode_images(pictures[:1]))
            timed["image_ms_10"] = 1e3 * _time(job, lambda: encoder.encode_images(pictures[:10]))
            seconds = _time(job, lambda: encoder.encode_images(pictures))
            timed["images_per_second"] = len(pictures) / seconds
        if "text" in encoder.info.towers:
            many = TEXTS * 4
            timed["text_ms_1"] = 1e3 * _time(job, lambda: encoder.encode_texts(TEXTS[:1]))
            timed["text_ms_10"] = 1e3 * _time(job, lambda: encoder.encode_texts(TEXTS))
            timed["texts_per_second"] = len(many) / _time(job, lambda: encoder.encode_texts(many))
        peak = peak_memory()
        quality = None
        if job.data is not None and len(encoder.info.towers) == 2:
            examples = load(Path(job.data), job.label, limit=job.limit)
            quality = measure_quality(encoder, examples, job.max_bytes)
        info = encoder.info
    return Row(
        name=job.name,
        precision=info.precision,
        runtime=info.runtime,
        device=info.device,
        threads=info.threads,
        fingerprint=info.fingerprint,
        bytes=_size(bundle, info.precision),
        parameters=sum(graphs.parameters for graphs in bundle.card.graphs.values()),
        dimension=info.dimension,
        load_seconds=load_seconds,
        peak_bytes=peak,
        quality=quality,
        imagenet_published=imagenet(job.name),
        **{name: timed.get(name) for name in _TIMED},
    )


_TIMED = (
    "image_ms_1",
    "image_ms_10",
    "text_ms_1",
    "text_ms_10",
    "images_per_second",
    "texts_per_second",
)


def _time(job: Job, call: object) -> float:
    return median_seconds(call, seconds=job.seconds, least=3)  # type: ignore[arg-type]


def _size(bundle: Bundle, precision: str) -> int:
    names = [getattr(g, precision) or g.fp32 for g in bundle.card.graphs.values()]
    names += [data_name(name) for name in names]
    if bundle.card.text is not None:
        names.append(bundle.card.text.tokenizer)
    paths = {bundle.path / name for name in names}
    return sum(path.stat().st_size for path in paths if path.is_file())


def _jpegs(count: int) -> list[bytes]:
    """Pictures with smooth and with fine parts, of the size in bytes that photos have."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(count):
        small = Image.fromarray(random.integers(0, 256, (25, 25, 3), dtype=np.uint8))
        picture = small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=90)
        found.append(file.getvalue())
    return found


def peak_memory() -> int | None:
    """Largest resident memory of the process, in bytes; None where the system doesn't tell."""
    try:
        # Not getrusage: there a child begins with the peak of what started it.
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        return None


def main() -> int:
    """0 with a Row on standard output, else 1 with the reason on standard error."""
    job = Job.model_validate_json(sys.stdin.buffer.read())
    try:
        row = measure(job)
    except LookalikeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(row.model_dump_json() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
