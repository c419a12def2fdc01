"""The steps from data to heads, each a function of the ones before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from training.tiny import colours, graphs
from training.tiny.backbone import MEAN, SCALE, Backbone, Scales, calibrate, load_backbone
from training.tiny.captions import (
    Caption,
    Subject,
    captions_of,
    class_captions,
    class_subject,
    colour_sets,
    subject,
)
from training.tiny.features import FeatureTable, Variation, calibration_pixels, extract
from training.tiny.heads import TrainedImageHead, TrainedTextHead
from training.tiny.measure import HeldOut
from training.tiny.pictures import Picture, drawings, products
from training.tiny.sources import ImageClass, Sources, seeded
from training.tiny.training import Imagined, Pool, Recipe, imagined_features, train

from lookalike.models.cards import ImageSpec

SIZE = 224
IMAGE = ImageSpec(
    height=SIZE,
    width=SIZE,
    mean=(MEAN / 255,) * 3,
    std=(SCALE / 255,) * 3,
    resize="squash",
    max_aspect=1.15,
)
CAPTIONS, CLASS_CAPTIONS = 6, 30
"""How many captions a picture, and one of ImageNet's classes, has to choose from."""
VIEWS = 2
"""How often a training picture is seen beside as it is, each time shown differently."""
CALIBRATION = 160
"""Pictures that set the ranges of int8 activations."""

Encode = Callable[[Sequence[str]], Tensor]
"""Texts to unit vectors of the text encoder, before the head."""


@dataclass(frozen=True)
class Seen:
    """The training pictures, as the quantised backbone sees them."""

    backbone: Backbone
    scales: Scales
    pictures: list[Picture]
    """All, held-out ones too."""
    plain: FeatureTable
    varied: list[FeatureTable]
    """Those of `trained`, shown differently; row i of each is picture `trained[i]`."""
    trained: list[int]


def see(sources: Sources, cache: Path, seed: int) -> Seen:
    pictures = products(sources) + drawings(sources)
    trained = [i for i, p in enumerate(pictures) if not p.held_out]
    chosen = seeded(seed, "calibration").choice(len(trained), CALIBRATION, replace=False)
    pixels = calibration_pixels(IMAGE, [pictures[trained[i]].path for i in chosen])
    backbone = load_backbone(sources.backbone)
    scales = calibrate(backbone, torch.from_numpy(pixels))
    graph = graphs.feature_graph(backbone, scales, SIZE)
    plain = extract(graph, IMAGE, [p.path for p in pictures], cache)
    paths = [pictures[i].path for i in trained]
    hues = [pictures[i].source != "grocery" for i in trained]
    varied = [
        extract(graph, IMAGE, paths, cache, Variation(seed + 1 + view, hues))
        for view in range(VIEWS)
    ]
    return Seen(backbone, scales, pictures, plain, varied, trained)


def read(table: FeatureTable) -> Tensor:
    """What the head reads beside the logits."""
    return torch.from_numpy(
        np.concatenate([table.pooled, table.early, np.sqrt(table.shares)], axis=1)
    )


def _pool(seen: Seen, rows: list[int], source: str, encode: Encode, seed: int) -> Pool:
    """The pictures of `source`, plain and varied; `rows` are indices into `seen.trained`."""
    chosen = [r for r in rows if seen.pictures[seen.trained[r]].source == source]
    rng = seeded(seed, source)
    parts_read, parts_logits = [], []
    subjects: list[Subject] = []
    captions: list[list[Caption]] = []
    labels: list[str] = []
    for table, index in (
        (seen.plain, [seen.trained[r] for r in chosen]),
        *((table, chosen) for table in seen.varied),
    ):
        parts_read.append(read(table)[index])
        parts_logits.append(torch.from_numpy(table.logits[index]))
        words = colour_sets(table.shares[index])
        for r, row, said in zip(chosen, index, words, strict=True):
            picture = seen.pictures[seen.trained[r]]
            subjects.append(subject(picture, said))
            captions.append(captions_of(picture, table.shares[row], CAPTIONS, rng))
            labels.append(picture.label)
    return Pool(
        torch.cat(parts_read),
        torch.cat(parts_logits),
        subjects,
        captions,
        _vectors(captions, encode),
        labels,
    )


def _vectors(captions: Sequence[Sequence[Caption]], encode: Encode) -> list[Tensor]:
    texts = list(dict.fromkeys(c.text for row in captions for c in row))
    index = {text: i for i, text in enumerate(texts)}
    vectors = encode(texts)
    return [vectors[[index[c.text] for c in row]] for row in captions]


def _imagined(seen: Seen, classes: Sequence[ImageClass], encode: Encode, seed: int) -> Imagined:
    table, rows = seen.plain, seen.trained
    lent, words = read(table)[rows], colour_sets(table.shares[rows])
    weight, bias = seen.backbone.classifier
    pooled = torch.from_numpy(table.pooled[rows])
    lenders = {"": np.arange(len(rows))}
    for name in colours.NAMES:
        have = np.array([i for i, said in enumerate(words) if name in said], np.int64)
        if len(have) >= 5:
            lenders[name] = have
    palette = sorted(name for name in lenders if name)
    rng = seeded(seed, "classes")
    captions = [class_captions(kind, palette, CLASS_CAPTIONS, rng) for kind in classes]
    return Imagined(
        imagined_features(weight, pooled),
        pooled.mean(0),
        (weight, bias),
        [class_subject(kind) for kind in classes],
        captions,
        _vectors(captions, encode),
        lenders,
        lent,
        words,
    )


@dataclass(frozen=True)
class Material:
    """All that the heads are trained with."""

    pools: list[tuple[Pool, int]]
    imagined: Imagined
    class_names: Tensor
    mean_text: Tensor
    """[width], the mean of the everyday names' vectors."""

    def without(self, labels: frozenset[str]) -> "Material":
        """The same less the products of `labels`."""
        clothing, grocery, drawn = self.pools
        return replace(
            self,
            pools=[*((pool.without(labels), count) for pool, count in (clothing, grocery)), drawn],
        )


def material(seen: Seen, classes: Sequence[ImageClass], encode: Encode, recipe: Recipe) -> Material:
    rows = list(range(len(seen.trained)))
    clothing, grocery, drawn = (
        _pool(seen, rows, source, encode, recipe.seed)
        for source in ("clothing", "grocery", "drawing")
    )
    imagined = _imagined(seen, classes, encode, recipe.seed)
    names = encode([c.names[0] for c in classes])
    second = encode([c.names[1] if len(c.names) > 1 else c.names[0] for c in classes])
    mean = torch.cat(list(imagined.vectors)).mean(0)
    half = recipe.products // 2
    return Material(
        [(clothing, half), (grocery, recipe.products - half), (drawn, recipe.drawings)],
        imagined,
        torch.nn.functional.normalize(names + 0.5 * second, dim=1),
        mean,
    )


def train_heads(
    seen: Seen, stuff: Material, recipe: Recipe
) -> tuple[TrainedImageHead, TrainedTextHead]:
    torch.manual_seed(recipe.seed)
    text = TrainedTextHead(stuff.mean_text)
    with torch.no_grad():
        class_vectors = text(stuff.class_names)
    rows = read(seen.plain)[seen.trained]
    deviation = rows.std(0) + 0.1 * rows.std(0).mean()
    image = TrainedImageHead(class_vectors, recipe.temperature, rows.mean(0), deviation)
    if recipe.steps:
        train(image, text, stuff.pools, stuff.imagined, stuff.class_names, recipe)
    return image, text


@torch.no_grad()
def held_out(seen: Seen, image: TrainedImageHead) -> HeldOut:
    rows = [i for i, p in enumerate(seen.pictures) if p.held_out]
    vectors = image(read(seen.plain)[rows], torch.from_numpy(seen.plain.logits[rows]))
    return HeldOut([seen.pictures[i] for i in rows], vectors, seen.plain.shares[rows])
