"""From pictures and texts to what a tower takes, for one model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.catalog.pictures import Picture, PictureReader
from lookalike.encoder import Encoder
from lookalike.encoder.images import ImageLimits, ImagePreprocessor
from lookalike.encoder.tokenizer import Tokenizer
from lookalike.errors import ImageError, LookalikeError, SettingInvalid
from lookalike.evaluation.material import Material, split
from lookalike.models.bundle import Bundle
from lookalike.models.cards import TowerName

Input = NDArray[Any]
"""A batch of one: uint8 `[1, height, width, 3]` or int64 `[1, length]`."""

LEAST = 40
"""Fewer pictures, or texts, say nothing about the top 10."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """A tower's inputs, in two samples that have nothing in common."""

    calibration: tuple[Input, ...]
    held_out: tuple[Input, ...]
    unreadable: int = 0
    """Pictures that were passed over."""


def inputs_for(
    bundle: Bundle,
    tower: TowerName,
    material: Material,
    *,
    calibrate: int,
    held_out: int,
    limits: ImageLimits = ImageLimits(),
) -> Inputs:
    """What a tower is calibrated with and measured on: at most `calibrate` and `held_out` inputs.

    Raises SettingInvalid if there are too few.
    """
    if tower == "image":
        return _pictures(bundle, material.pictures, calibrate, held_out, limits)
    card = bundle.card
    assert card.text is not None, "the tower is there"
    texts = material.texts
    _need(len(texts), "texts", "--texts")
    tokenize = Tokenizer.load(bundle.tokenizer, card.text)
    chosen = split(len(texts), calibrate, held_out)
    first, second = (tuple(tokenize([texts[i]]).ids for i in places) for places in chosen)
    return Inputs(first, second)


def _pictures(
    bundle: Bundle,
    pictures: Sequence[Picture],
    calibrate: int,
    held_out: int,
    limits: ImageLimits,
) -> Inputs:
    _need(len(pictures), "pictures", "--calibration")
    assert bundle.card.image is not None, "the tower is there"
    prepare = ImagePreprocessor(bundle.card.image, limits=limits)
    reader = PictureReader(limits.max_bytes)
    samples = []
    chosen = split(len(pictures), calibrate, held_out)
    for places in chosen:
        ready = []
        for place in places:
            try:
                ready.append(prepare(reader.read(pictures[place]))[None])
            except (ImageError, LookalikeError):
                continue
        samples.append(tuple(ready))
    readable = sum(map(len, samples))
    _need(readable, "pictures that can be read", "--calibration")
    return Inputs(samples[0], samples[1], sum(map(len, chosen)) - readable)


def _need(count: int, what: str, setting: str) -> None:
    if count < LEAST:
        raise SettingInvalid(setting, f"has {count} {what}; at least {LEAST} are needed")


def encode(encoder: Encoder, tower: TowerName, inputs: Sequence[Input]) -> NDArray[np.float32]:
    """Vectors of inputs, one by one as calibration sees them. Raises InferenceFailed."""
    run = encoder.encode_pixels if tower == "image" else encoder.encode_tokens
    return np.concatenate([run(one) for one in inputs])


def together(inputs: Sequence[Input], pad_id: int) -> Input:
    """Inputs as one batch; token ids are padded to the longest."""
    if inputs[0].ndim > 2:
        return np.concatenate(list(inputs))
    longest = max(ids.shape[1] for ids in inputs)
    batch = np.full((len(inputs), longest), pad_id, np.int64)
    for row, ids in zip(batch, inputs, strict=True):
        row[: ids.shape[1]] = ids[0]
    return batch
