"""The tokenizer, smaller: WordPiece tokens that no English text needs are dropped from the file."""

import json
from pathlib import Path

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
"""In this order they get the ids 0 to 3."""


def reduce_tokenizer(path: Path) -> tuple[str, list[int]]:
    """The JSON of a smaller tokenizer, and the old ids of its tokens in the order of the new ones.

    What is dropped: `[unused...]`, and tokens with a letter outside ASCII (the normaliser strips accents, so
    these are other scripts). An English text is cut into the same tokens as before.
    """
    spec = json.loads(path.read_text(encoding="utf-8"))
    old: dict[str, int] = spec["model"]["vocab"]
    kept = [
        t for t in sorted(old, key=old.__getitem__) if t.isascii() and not t.startswith("[unused")
    ]
    kept = [*SPECIAL, *(t for t in kept if t not in SPECIAL and t != "[MASK]")]
    spec["model"]["vocab"] = {token: index for index, token in enumerate(kept)}
    spec["added_tokens"] = [
        token | {"id": SPECIAL.index(token["content"])}
        for token in spec["added_tokens"]
        if token["content"] in SPECIAL
    ]
    # the card says how texts are cut and padded
    spec["truncation"] = spec["padding"] = None
    for special in spec["post_processor"]["special_tokens"].values():
        special["ids"] = [SPECIAL.index(token) for token in special["tokens"]]
    return json.dumps(spec, ensure_ascii=False, separators=(",", ":")), [old[t] for t in kept]
