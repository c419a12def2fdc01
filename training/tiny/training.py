"""Training of the heads: pictures and captions are pulled together, true ones only."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from training.tiny.captions import Caption, Subject
from training.tiny.heads import TrainedImageHead, TrainedTextHead


@dataclass(frozen=True)
class Recipe:
    """The choices of the training, made on held-out data."""

    steps: int = 800
    products: int = 192
    """Product photos in a batch."""
    drawings: int = 96
    imagined: int = 288
    """Imagined pictures of ImageNet's classes."""
    rate: float = 1e-3
    decay: float = 0.05
    drop: float = 0.3
    keep_classes: float = 1.0
    """Weight of the distillation term: what the backbone thought, a picture must still say."""
    keep_vectors: float = 0.3
    """Weight that holds the class vectors where the text encoder put them."""
    temperature: float = 1.0
    """Of the backbone's softmax."""
    class_rate: float = 0.5
    """Learning rate of the class vectors, as a part of `rate`."""
    seed: int = 0


@dataclass(frozen=True)
class Pool:
    """Pictures with their captions, of one source."""

    read: Tensor
    """[n, features], what the head reads beside the logits."""
    logits: Tensor
    subjects: Sequence[Subject]
    captions: Sequence[Sequence[Caption]]
    vectors: Sequence[Tensor]
    """Of each picture's captions, from the text encoder."""
    labels: Sequence[str]

    @property
    def weights(self) -> NDArray[np.float64]:
        """How often each picture is drawn, so that rare labels are not lost among usual ones; they sum to 1."""
        counts = Counter(self.labels)
        weights: NDArray[np.float64] = np.array([counts[label] ** -0.5 for label in self.labels])
        return weights / weights.sum()

    def without(self, labels: frozenset[str]) -> "Pool":
        """The pool less the pictures of `labels`."""
        rows = [i for i, label in enumerate(self.labels) if label not in labels]

        return Pool(
            self.read[rows],
            self.logits[rows],
            [self.subjects[i] for i in rows],
            [self.captions[i] for i in rows],
            [self.vectors[i] for i in rows],
            [self.labels[i] for i in rows],
        )


@dataclass(frozen=True)
class Imagined:
    """ImageNet's classes as the classifier expects them, and what colours real pictures lend them."""

    features: Tensor
    """[1000, pooled], each class's mean as its weights imply it."""
    typical: Tensor
    """[pooled], the mean of all pictures."""
    classifier: tuple[Tensor, Tensor]
    concepts: Sequence[frozenset[str]]
    captions: Sequence[Sequence[Caption]]
    vectors: Sequence[Tensor]
    lenders: dict[str, NDArray[np.int64]]
    """Rows of the lending pictures by colour word; `""` are all."""
    lent: Tensor
    """[n, features] of the lending pictures: their early features and colours are used."""
    lent_colours: Sequence[frozenset[str]]


@dataclass
class Batch:
    read: list[Tensor] = field(default_factory=list)
    logits: list[Tensor] = field(default_factory=list)
    vectors: list[Tensor] = field(default_factory=list)
    captions: list[Caption] = field(default_factory=list)
    subjects: list[Subject] = field(default_factory=list)


def imagined_features(
    weight: Tensor, pooled: Tensor, shrinkage: float = 0.5, gap: float = 12.0
) -> Tensor:
    """What pooled features ImageNet's classes have, from their classifier weights [1000, pooled].

    A linear classifier's weights are the class means seen through the inverse covariance, so the covariance
    of any pictures' features takes them back; ours are of other pictures, hence the strong shrinkage. Each is
    scaled so that its own logit rises by `gap`.
    """
    centred = pooled - pooled.mean(0)
    covariance = centred.T @ centred / len(pooled)
    size = covariance.diagonal().mean()
    covariance = (1 - shrinkage) * covariance + shrinkage * size * torch.eye(len(covariance))
    apart = (weight - weight.mean(0)) @ covariance
    rise = (apart * weight).sum(1, keepdim=True)
    return pooled.mean(0) + gap * apart / rise


def _draw(
    pool: Pool,
    weights: NDArray[np.float64],
    count: int,
    batch: Batch,
    rng: np.random.Generator,
) -> None:
    rows = rng.choice(len(pool.subjects), count, replace=False, p=weights)
    batch.read.append(pool.read[rows])
    batch.logits.append(pool.logits[rows])
    for row in rows:
        which = int(rng.integers(len(pool.captions[row])))
        batch.captions.append(pool.captions[row][which])
        batch.vectors.append(pool.vectors[row][which])
        batch.subjects.append(pool.subjects[row])


def _imagine(made: Imagined, count: int, batch: Batch, rng: np.random.Generator) -> None:
    classes = rng.choice(len(made.concepts), count, replace=False)
    lenders = np.empty(count, np.int64)
    for i, c in enumerate(classes):
        which = int(rng.integers(len(made.captions[c])))
        caption = made.captions[c][which]
        lenders[i] = rng.choice(made.lenders[caption.colour or ""])
        batch.captions.append(caption)
        batch.vectors.append(made.vectors[c][which])
        batch.subjects.append(Subject(made.concepts[c], made.lent_colours[lenders[i]]))
    lent, width = made.lent[lenders], made.features.shape[1]
    strength = torch.from_numpy(rng.uniform(0.6, 1.3, (count, 1))).float()
    noise = made.lent[rng.choice(len(made.lent), count), :width] - made.typical
    share = torch.from_numpy(rng.uniform(0.1, 0.6, (count, 1))).float()
    pooled = made.typical + strength * (made.features[classes] - made.typical) + share * noise
    pooled = pooled.clamp(min=0)
    weight, bias = made.classifier
    batch.read.append(torch.cat([pooled, lent[:, width:]], 1))
    batch.logits.append(pooled @ weight.T + bias)


def _clashes(batch: Batch) -> Tensor:
    """[pictures, captions]: where a caption is true of a picture that it wasn't made for."""
    n = len(batch.captions)
    clashes = np.zeros((n, n), bool)
    by_concept: dict[str, list[int]] = {}
    for j, caption in enumerate(batch.captions):
        by_concept.setdefault(caption.concept, []).append(j)
    for i, subject in enumerate(batch.subjects):
        for concept in subject.concepts & by_concept.keys():
            for j in by_concept[concept]:
                colour = batch.captions[j].colour
                clashes[i, j] = i != j and (colour is None or colour in subject.colours)
    return torch.from_numpy(clashes)


def train(
    image: TrainedImageHead,
    text: TrainedTextHead,
    pools: Sequence[tuple[Pool, int]],
    imagined: Imagined,
    class_names: Tensor,
    recipe: Recipe,
) -> None:
    """Train both heads in place. `pools` come with their number of pictures in a batch; `class_names` are the
    text encoder's vectors [1000, width] of ImageNet's class names."""
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    scale = torch.nn.Parameter(torch.tensor(np.log(20.0), dtype=torch.float32))
    optimizer = torch.optim.AdamW(
        [
            {"params": [image.residual.weight], "weight_decay": recipe.decay},
            {
                "params": [image.class_vectors],
                "lr": recipe.rate * recipe.class_rate,
                "weight_decay": 0.0,
            },
            {"params": [image.residual.bias, scale], "weight_decay": 0.0},
            {"params": list(text.parameters()), "weight_decay": recipe.decay},
        ],
        lr=recipe.rate,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=[group["lr"] for group in optimizer.param_groups],
        total_steps=recipe.steps,
        pct_start=0.1,
    )
    drawn = [pool.weights for pool, _ in pools]
    image.train()
    began = time.monotonic()
    for step in range(1, recipe.steps + 1):
        batch = Batch()
        for (pool, count), weights in zip(pools, drawn, strict=True):
            _draw(pool, weights, count, batch, rng)
        _imagine(imagined, recipe.imagined, batch, rng)
        logits = torch.cat(batch.logits)
        pictures = image(torch.cat(batch.read), logits, recipe.drop)
        words = text(torch.stack(batch.vectors))
        factor = scale.exp().clamp(max=60)
        similar = (factor * pictures @ words.T).masked_fill(_clashes(batch), -1e4)
        own = torch.arange(len(similar))
        contrast = (F.cross_entropy(similar, own) + F.cross_entropy(similar.T, own)) / 2
        said = F.log_softmax(20 * pictures @ text(class_names).T, 1)
        thought = torch.softmax(logits / recipe.temperature, 1)
        kept = F.kl_div(said, thought, reduction="batchmean")
        moved = (image.class_vectors - image.first_vectors).pow(2).sum(1).mean()
        loss = contrast + recipe.keep_classes * kept + recipe.keep_vectors * moved
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(
                f"  step {step}/{recipe.steps}: contrast {contrast:.3f}, classes {kept:.3f},"
                f" moved {moved:.3f}, scale {factor:.1f} ({time.monotonic() - began:.0f} s)",
                flush=True,
            )
    image.eval()
