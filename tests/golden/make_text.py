"""Makes `tests/golden/text/`: the corpus, and the token ids that the reference tokenizers give it.

Run with the reference environment, from the project's root: `python -m tests.golden.make_text`. What is
there already is made again from scratch. `index.json` says which versions made it.

- `corpus.json`: the texts of `text_corpus.py`, and `huge.json` those that are given as a unit and a number.
- `openclip.npz`: OpenCLIP's tokenizer. `clip.npz`: transformers' CLIP tokenizer, with the same vocabulary.
- `wordpiece.json`: a small WordPiece tokenizer in BERT's form, trained on the corpus; `wordpiece.npz`:
  transformers' BERT tokenizer with that vocabulary.
- `classes.json`: the ranges of characters that OpenCLIP's expression takes for letters, and for numbers, and
  those that it drops; all others are "anything else".

An `.npz` holds the rows one after the other in `ids`, cut to the context, without padding; their lengths in
`lengths`; and the same for the huge texts in `huge_ids` and `huge_lengths`.
"""

import itertools
import json
import platform
import unicodedata
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import WordPieceTrainer
from transformers import BertTokenizerFast, CLIPTokenizerFast

from tests.golden.text_corpus import HUGE, corpus

FOLDER = Path(__file__).parent / "text"
CONTEXT = 77
WORDPIECE_CONTEXT = 48
PACKAGES = ("open_clip_torch", "transformers", "tokenizers", "ftfy", "regex", "numpy")
BERT_SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

Row = Callable[[str], list[int]]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    texts = corpus()
    _write("corpus.json", texts)
    _write("huge.json", HUGE)

    openclip = open_clip.get_tokenizer("ViT-B-32")
    _write("classes.json", classes(openclip))
    _save("openclip.npz", texts, openclip_row(openclip))

    ids = dict(openclip.encoder)
    ids["<|startoftext|>"] = ids.pop("<start_of_text>")
    ids["<|endoftext|>"] = ids.pop("<end_of_text>")
    clip = CLIPTokenizerFast(vocab=ids, merges=list(openclip.bpe_ranks))
    _save("clip.npz", texts, transformers_row(clip, CONTEXT))

    wordpiece = train_wordpiece([_encodable(text) for text in texts])
    wordpiece.save(str(FOLDER / "wordpiece.json"), pretty=False)
    bert = BertTokenizerFast(vocab=wordpiece.get_vocab())
    _save("wordpiece.npz", texts, transformers_row(bert, WORDPIECE_CONTEXT))

    made_by: dict[str, Any] = {
        "python": platform.python_version(),
        "unicode": unicodedata.unidata_version,
    }
    made_by |= {name: version(name) for name in PACKAGES}
    contexts = {"openclip": CONTEXT, "clip": CONTEXT, "wordpiece": WORDPIECE_CONTEXT}
    _write("index.json", {"made_by": made_by, "texts": len(texts), "contexts": contexts})


def openclip_row(tokenizer: open_clip.tokenizer.SimpleTokenizer) -> Row:
    def row(text: str) -> list[int]:
        length = min(CONTEXT, len(tokenizer.encode(text)) + 2)
        return tokenizer([text])[0, :length].tolist()

    return row


def transformers_row(tokenizer: Any, context: int) -> Row:
    def row(text: str) -> list[int]:
        return tokenizer(_encodable(text), truncation=True, max_length=context)["input_ids"]

    return row


def train_wordpiece(texts: list[str]) -> Tokenizer:
    """A tokenizer in the form of BERT's published ones, lengths of its training and all."""
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    trainer = WordPieceTrainer(vocab_size=1500, limit_alphabet=250, special_tokens=BERT_SPECIALS)
    tokenizer.train_from_iterator(texts, trainer)
    specials = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = TemplateProcessing(
        "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", specials
    )
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=24)
    return tokenizer


def classes(tokenizer: open_clip.tokenizer.SimpleTokenizer) -> dict[str, str]:
    """By class, the ranges of the characters that can be in cleaned text (case folded) and belong to it."""
    by_class: dict[str, list[int]] = {"letter": [], "number": [], "dropped": []}
    for code in range(0x110000):
        character = chr(code)
        if 0xD800 <= code <= 0xDFFF or character.lower() != character:
            continue
        match tokenizer.pat.findall(f"a{character}{character}"):
            case ["a"]:
                by_class["dropped"].append(code)
            case ["a", _, _]:
                by_class["number"].append(code)
            case [_]:
                by_class["letter"].append(code)
    return {name: " ".join(_ranges(codes)) for name, codes in by_class.items()}


def _ranges(codes: list[int]) -> Iterator[str]:
    """Hexadecimal, as in `41-5A 61`."""
    for _, run in itertools.groupby(enumerate(codes), key=lambda pair: pair[1] - pair[0]):
        members = [code for _, code in run]
        yield f"{members[0]:X}" if len(members) == 1 else f"{members[0]:X}-{members[-1]:X}"


def _encodable(text: str) -> str:
    """transformers refuses lone surrogates."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _save(name: str, texts: list[str], row: Row) -> None:
    rows, huge_rows = [row(text) for text in texts], [row(unit * times) for unit, times in HUGE]
    arrays = {
        "ids": np.concatenate(rows),
        "lengths": list(map(len, rows)),
        "huge_ids": np.concatenate(huge_rows),
        "huge_lengths": list(map(len, huge_rows)),
    }
    np.savez_compressed(
        FOLDER / name, **{key: np.asarray(array, np.uint16) for key, array in arrays.items()}
    )


def _write(name: str, content: Any) -> None:
    lines = json.dumps(content, indent=0)
    (FOLDER / name).write_text(lines + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
