"""The work of `lookalike embed`, apart from its options."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np

from lookalike.cli import console
from lookalike.cli.inputs import batches, read_picture
from lookalike.cli.outputs import Embedded, JsonLines, Npz, Output, written
from lookalike.encoder import Encoder
from lookalike.errors import ImageError
from lookalike.models.cards import TowerName
from lookalike.settings import Device, Precision, load_settings


def embed_all(
    texts: Iterable[str],
    paths: Sequence[Path],
    *,
    total: int | None,
    output: Path | None,
    model: str | None,
    device: Device | None,
    precision: Precision | None,
) -> int:
    """Embed texts, then pictures, and write them; tell how many failed.

    `total` is how many there are, or None if that is unknown, as with a stream. Raises what `Encoder.load`
    raises, and InferenceFailed.
    """
    needed: dict[TowerName, bool] = {"text": total != len(paths), "image": bool(paths)}
    settings = load_settings()
    with console.waiting("loading the model"):
        encoder = Encoder.load(
            model,
            device=device,
            precision=precision,
            towers=[tower for tower, wanted in needed.items() if wanted],
            settings=settings,
        )

    count: Counter[str] = Counter()
    to_screen = output is None and console.stdout_is_terminal()
    with encoder, written(output) as file:
        writer = _writer(file, output, encoder)
        with console.progress("embedding", total, hidden=to_screen) as advance:
            for result in chain(
                _embed_texts(encoder, texts),
                _embed_images(encoder, paths, settings.max_image_bytes),
            ):
                writer.write(result)
                if result.error is not None:
                    console.show_problem(result.input, result.error)
                count.update(all=1, failed=result.error is not None, cut=result.truncated)
                advance(1)
        writer.finish()

    if count["cut"]:
        console.note(
            f"longer than the model's context, so that their ends were not seen: {count['cut']:,}"
        )
    if count["failed"]:
        console.note(f"could not be embedded: {count['failed']:,} of {count['all']:,}")
    return count["failed"]


def _writer(file: BinaryIO, path: Path | None, encoder: Encoder) -> Output:
    if path is None or path.suffix.lower() == ".jsonl":
        return JsonLines(file)
    info = encoder.info
    return Npz(file, dimension=info.dimension, model=info.model, fingerprint=info.fingerprint)


def _embed_texts(encoder: Encoder, texts: Iterable[str]) -> Iterator[Embedded]:
    for batch in batches(texts, encoder.batch_size):
        tokens = encoder.tokenize(batch)
        vectors = encoder.encode_tokens(tokens.ids)
        for text, vector, cut in zip(batch, vectors, tokens.truncated, strict=True):
            yield Embedded("text", text, vector, truncated=bool(cut))


def _embed_images(encoder: Encoder, paths: Sequence[Path], limit: int) -> Iterator[Embedded]:
    for batch in batches(paths, encoder.batch_size):
        files = [read_picture(path, limit) for path in batch]
        prepared = iter(encoder.prepare_images([file for file in files if isinstance(file, bytes)]))
        pictures = [next(prepared) if isinstance(file, bytes) else file for file in files]
        good = [picture for picture in pictures if not isinstance(picture, ImageError)]
        vectors = iter(encoder.encode_pixels(np.stack(good)) if good else ())
        for path, picture in zip(batch, pictures, strict=True):
            if isinstance(picture, ImageError):
                yield Embedded("image", str(path), None, picture)
            else:
                yield Embedded("image", str(path), next(vectors))
