"""From data to bundle, in one command.

    python -m training.tiny --products ../shared/data/products --work /tmp/tiny

Slow steps keep their result in the work folder, under a name made of all that they depend on.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from training.tiny import evaluate, graphs, measure, unseen
from training.tiny.bundle import write_bundle
from training.tiny.encoder import encode
from training.tiny.pipeline import IMAGE, SIZE, held_out, material, see, train_heads
from training.tiny.report import write_report
from training.tiny.sources import Sources, image_classes
from training.tiny.student import CONTEXT, make_student
from training.tiny.training import Recipe


def logit_scale(held: measure.HeldOut, words: measure.Words) -> float:
    """The factor from cosine to logit at which the held-out products' labels are least surprising."""
    parts = []
    for source in ("clothing", "grocery"):
        part = held.of(source)
        labels = sorted({p.label for p in part.pictures})
        cosines = part.vectors @ words([f"a photo of a {label.lower()}" for label in labels]).T
        parts.append((cosines, torch.tensor([labels.index(p.label) for p in part.pictures])))
    scales = np.geomspace(5, 100, 121)
    surprise = [
        sum(F.cross_entropy(s * c, truth).item() for c, truth in parts) for s in scales.tolist()
    ]
    return round(float(scales[int(np.argmin(surprise))]), 2)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train the built-in model `tiny`.")
    parser.add_argument("--products", type=Path, default=evaluate.PRODUCTS)
    parser.add_argument("--work", type=Path, default=Path("build/tiny"))
    parser.add_argument("--out", type=Path, default=evaluate.BUNDLE)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    options.work.mkdir(parents=True, exist_ok=True)

    sources = Sources(options.products)
    wordnet = sources.wordnet()
    classes = image_classes(wordnet)
    print("1/6 the student of the text encoder", flush=True)
    student, texts, tokenizer, near = make_student(
        sources, wordnet, classes, options.work, options.seed
    )

    def student_vectors(sentences: Sequence[str]) -> Tensor:
        return encode(student, texts.rows(sentences)).clone()

    print("2/6 the pictures", flush=True)
    seen = see(sources, options.work, options.seed)
    print("3/6 captions", flush=True)
    recipe = Recipe(seed=options.seed)
    stuff = material(seen, classes, student_vectors, recipe)
    print("4/6 the heads", flush=True)
    image, text = train_heads(seen, stuff, recipe)

    @torch.no_grad()
    def words(sentences: Sequence[str]) -> Tensor:
        vectors: Tensor = text(student_vectors(sentences))
        return vectors

    held = held_out(seen, image)
    held_report = measure.report(held, words)
    print("5/6 the bundle", flush=True)
    head = image.export()
    card = write_bundle(
        options.out,
        graphs.image_tower(seen.backbone, seen.scales, head, SIZE),
        graphs.text_tower(student, text.export()),
        tokenizer,
        spec=IMAGE,
        vocabulary=student.words.num_embeddings,
        context=CONTEXT,
        dimension=len(head.bias),
        logit_scale=logit_scale(held, words),
    )
    kept_out = unseen.withheld(seen.pictures)
    print(f"6/6 the report; for it, other heads without {len(kept_out)} kinds", flush=True)
    partial = train_heads(seen, stuff.without(kept_out), recipe)
    unseen_report = unseen.report(
        seen, partial[0], lambda sentences: partial[1](student_vectors(sentences)), kept_out
    )
    tested, queries = evaluate.evaluate(evaluate.load_encoder(str(options.out)), options.products)
    write_report(
        Path(__file__).with_name("REPORT.md"),
        card,
        asdict(recipe),
        {source: len([p for p in seen.pictures if p.source == source and not p.held_out])
         for source in ("clothing", "grocery", "drawing")},
        near,
        held_report,
        unseen_report,
        tested,
        queries,
    )  # fmt: skip


if __name__ == "__main__":
    main()
