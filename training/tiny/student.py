"""The student of the text encoder: made once from its texts, kept on disk."""

import json
from hashlib import sha256
from pathlib import Path

import torch
from training.tiny.distil import distil, fidelity
from training.tiny.encoder import TextEncoder, Texts, encode, from_minilm
from training.tiny.sources import ImageClass, Sources, everyday_names, seeded
from training.tiny.texts import corpus, grocery_texts
from training.tiny.vocabulary import reduce_tokenizer
from training.tiny.wordnet import WordNet

CONTEXT = 128
LAYERS = (0, 4)
"""Those of the teacher's six that the student starts from."""
RANK = 128
"""Width of the student's word embeddings."""
STEPS, BATCH, RATE = 2000, 256, 8e-4
HOLD_OUT = 50
"""One text of so many is not trained on."""


def make_student(
    sources: Sources, wordnet: WordNet, classes: list[ImageClass], cache: Path, seed: int
) -> tuple[TextEncoder, Texts, str, dict[str, float]]:
    """The student, its tokenizer (also as JSON), and how near it is to its teacher on held-out texts."""
    tokenizer, kept = reduce_tokenizer(sources.minilm / "tokenizer.json")
    file = cache / "tokenizer.json"
    file.write_text(tokenizer, encoding="utf-8")
    texts = Texts(file, CONTEXT)
    state = sources.minilm_weights()
    everyday = everyday_names(classes)
    own = grocery_texts(sources.products / "items.jsonl")
    learned = corpus(wordnet, everyday, own, seeded(seed, "texts"))
    facts = json.dumps([LAYERS, RANK, STEPS, BATCH, RATE, CONTEXT, seed, learned])
    path = cache / f"student-{sha256(facts.encode()).hexdigest()[:16]}.pt"
    torch.manual_seed(seed)
    student = from_minilm(state, kept, CONTEXT, LAYERS, RANK)
    if path.exists():
        saved = torch.load(path, weights_only=True)
        student.load_state_dict(saved["weights"])
        return student.eval(), texts, tokenizer, saved["fidelity"]
    rows = texts.rows(learned)
    read = cache / f"targets-{sha256(json.dumps([CONTEXT, learned]).encode()).hexdigest()[:16]}.pt"
    if not read.exists():
        print(f"{len(rows):,} texts: the teacher reads them", flush=True)
        torch.save(encode(from_minilm(state, kept, CONTEXT, range(6), None).eval(), rows), read)
    targets = torch.load(read, weights_only=True)
    held = set(range(0, len(rows), HOLD_OUT))
    trained = [i for i in range(len(rows)) if i not in held]
    distil(
        student,
        [rows[i] for i in trained],
        targets[trained],
        steps=STEPS,
        batch=BATCH,
        rate=RATE,
        seed=seed,
    )
    near = fidelity(student, [rows[i] for i in sorted(held)], targets[sorted(held)])
    torch.save({"weights": student.state_dict(), "fidelity": near}, path)
    return student, texts, tokenizer, near
