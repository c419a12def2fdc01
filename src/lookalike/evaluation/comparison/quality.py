"""Zero-shot accuracy and recall of a model, on labelled pictures."""

import warnings
from collections.abc import Sequence

import numpy as np

from lookalike.catalog.pictures import PictureReader
from lookalike.encoder import Encoder, TextCutWarning
from lookalike.errors import LookalikeError
from lookalike.evaluation.comparison.row import Quality, RecallAt
from lookalike.evaluation.labelled import Example
from lookalike.evaluation.material import TEMPLATE
from lookalike.evaluation.retrieval import Recall, Vectors, recall


def measure_quality(encoder: Encoder, examples: Sequence[Example], max_bytes: int) -> Quality:
    """Pictures that can't be read are passed over. Raises TowerNotLoaded, InferenceFailed."""
    vectors, kept = _encode(encoder, examples, max_bytes)
    labels = sorted({example.label for example in kept if example.label})
    prompts = {label: TEMPLATE.format(label) for label in labels}
    words = [example.text or prompts.get(example.label or "") for example in kept]
    texts = sorted({text for text in words if text})
    places = {text: i for i, text in enumerate(texts)}
    rows = [i for i, text in enumerate(words) if text]
    queries = _encode_texts(encoder, texts)
    pictures = vectors[rows]
    own = [places[words[i] or ""] for i in rows]
    of_text: list[set[int]] = [set() for _ in texts]
    for picture, text in enumerate(own):
        of_text[text].add(picture)
    return Quality(
        pictures=len(kept),
        labels=len(labels),
        texts=len(texts),
        zero_shot=_zero_shot(encoder, vectors, kept, labels, prompts),
        text_to_image=_as_row(recall(queries, pictures, [frozenset(rows) for rows in of_text])),
        image_to_text=_as_row(recall(pictures, queries, [frozenset({text}) for text in own])),
    )


def _zero_shot(
    encoder: Encoder,
    vectors: Vectors,
    examples: Sequence[Example],
    labels: Sequence[str],
    prompts: dict[str, str],
) -> float | None:
    labelled = [i for i, example in enumerate(examples) if example.label]
    if len(labels) < 2:
        return None
    scores = vectors[labelled] @ _encode_texts(encoder, [prompts[label] for label in labels]).T
    right = [
        labels[best] == examples[i].label
        for best, i in zip(scores.argmax(1), labelled, strict=True)
    ]
    return float(np.mean(right))


def _encode(
    encoder: Encoder, examples: Sequence[Example], max_bytes: int
) -> tuple[Vectors, list[Example]]:
    reader = PictureReader(max_bytes)
    vectors, kept = [], []
    for start in range(0, len(examples), encoder.batch_size):
        found, data = [], []
        for example in examples[start : start + encoder.batch_size]:
            try:
                data.append(reader.read(example.picture))
            except LookalikeError:
                continue
            found.append(example)
        prepared = encoder.prepare_images(data)
        good = [(e, p) for e, p in zip(found, prepared, strict=True) if isinstance(p, np.ndarray)]
        if good:
            vectors.append(encoder.encode_pixels(np.stack([pixels for _, pixels in good])))
            kept += [example for example, _ in good]
    if not vectors:
        return np.empty((0, encoder.dimension), np.float32), []
    return np.concatenate(vectors), kept


def _encode_texts(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextCutWarning)  # long descriptions are cut for every model
        return encoder.encode_texts(texts)


def _as_row(found: Recall | None) -> RecallAt | None:
    return RecallAt(at_1=found.at_1, at_5=found.at_5, at_10=found.at_10) if found else None
