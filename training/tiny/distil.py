"""Distillation of MiniLM into the student that is shipped."""

import time
from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from training.tiny.encoder import TextEncoder, encode, padded


def distil(
    student: TextEncoder,
    rows: Sequence[Sequence[int]],
    targets: Tensor,
    *,
    steps: int,
    batch: int,
    rate: float,
    seed: int,
) -> None:
    """Train `student` in place so that its vectors of `rows` are `targets` (unit, [n, width]).

    The loss looks at vectors after the mean is taken off: sentence vectors share a large common part, and
    what the picture tower is matched with is the rest.
    """
    mean = targets.mean(0)
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(
        student.parameters(), lr=rate, weight_decay=0.01, betas=(0.9, 0.98), fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=rate, total_steps=steps, pct_start=0.06, anneal_strategy="cos"
    )
    student.train()
    began = time.monotonic()
    batches = _batches(rows, batch, rng)
    for step in range(1, steps + 1):
        chosen = next(batches)
        with torch.autocast("cpu", torch.bfloat16):
            pooled = student(padded([rows[i] for i in chosen]))
        vectors, wanted = F.normalize(pooled.float(), dim=1), targets[chosen]
        centred, goal = F.normalize(vectors - mean, dim=1), F.normalize(wanted - mean, dim=1)
        loss = (1 - (centred * goal).sum(1)).mean() + 2 * (1 - (vectors * wanted).sum(1)).mean()
        loss = loss + 4 * F.mse_loss(centred @ centred.T, goal @ goal.T)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            print(
                f"  step {step}/{steps}: cosine {(vectors * wanted).sum(1).mean():.4f},"
                f" centred {(centred * goal).sum(1).mean():.4f} ({time.monotonic() - began:.0f} s)",
                flush=True,
            )
    student.eval()


def _batches(
    rows: Sequence[Sequence[int]], batch: int, rng: np.random.Generator
) -> Iterator[list[int]]:
    """Batches of rows of like length, in random order, without end."""
    lengths = np.array([len(row) for row in rows])
    while True:
        order = np.argsort(lengths + rng.uniform(0, 2.0, len(rows)), kind="stable")
        chunks = [order[i : i + batch].tolist() for i in range(0, len(order), batch)]
        for index in rng.permutation(len(chunks)):
            yield chunks[index]


def fidelity(
    student: TextEncoder, rows: Sequence[Sequence[int]], targets: Tensor
) -> dict[str, float]:
    """How near the student is to its teacher on `rows`: cosine, as it is and with the mean taken off."""
    vectors, mean = encode(student, rows), targets.mean(0)
    centred = F.cosine_similarity(vectors - mean, targets - mean)
    return {"cosine": (vectors * targets).sum(1).mean().item(), "centred": centred.mean().item()}
