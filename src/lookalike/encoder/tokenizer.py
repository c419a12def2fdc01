"""From strings to the token ids that a text tower reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tokenizers
from ftfy.fixes import fix_surrogates
from numpy.typing import NDArray
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as Steps

from lookalike.encoder.cleaning import clean
from lookalike.encoder.pieces import END, PIECE, START
from lookalike.errors import BundleInvalid
from lookalike.models.cards import TextSpec

CHARACTERS_PER_TOKEN = 64
"""A text is read up to this many characters for each token of the context (4,928 for CLIP's 77).

This bounds the time that a text can take, whatever its length. Lines are cleaned independently of what
follows them, so the ids stay exactly those of the whole text wherever the lines that end before the limit
fill the context, and otherwise wherever the end of the cut line doesn't change how ftfy reads its beginning.
Four characters a token are usual.
"""

_WORD_END = "</w>"

Ids = Callable[[str], list[int]]
"""From a text to its token ids, without start and end."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The text tower's input for some texts."""

    ids: NDArray[np.int64]
    """`[n, length]`: start, content, end, and then `pad_id` up to the longest of these texts, or up to the
    context where the card wants full rows."""
    truncated: NDArray[np.bool_]
    """`[n]`: whether the text was longer than the context, so that its rest was left out."""


class Tokenizer:
    """A model's tokenizer file with the cleaning and the special ids that its card prescribes.

    Safe to call from many threads.
    """

    def __init__(self, spec: TextSpec, ids: Ids) -> None:
        self.spec = spec
        self._ids = ids

    @classmethod
    def load(cls, path: Path, spec: TextSpec) -> "Tokenizer":
        """The tokenizer in `path`, a `tokenizer.json` of the tokenizers library.

        Raises BundleInvalid if the file is damaged or is not the one that `spec` describes.
        """
        file = _read(path)
        _check_ids(file, spec, path)
        openclip = spec.clean == "openclip"
        return cls(spec, _openclip_ids(file, spec, path) if openclip else _file_ids(file))

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Token ids of `texts`, one row each, in order. Empty texts are start and end alone.

        A text longer than the context is cut; its end token stays. No text raises.
        """
        if isinstance(texts, str):
            raise TypeError("expected a list of strings, not one string")
        spec = self.spec
        most_characters = CHARACTERS_PER_TOKEN * spec.context_length
        most_ids = spec.context_length - 2
        rows = []
        truncated = np.zeros(len(texts), dtype=np.bool_)
        for i, text in enumerate(texts):
            content = self._ids(text[:most_characters])
            truncated[i] = len(content) > most_ids or len(text) > most_characters
            rows.append([spec.start_id, *content[:most_ids], spec.end_id])

        longest = max(map(len, rows), default=2)
        length = spec.context_length if spec.padding == "context" else longest
        ids = np.full((len(rows), length), spec.pad_id, dtype=np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
        return Tokens(ids, truncated)


def _read(path: Path) -> tokenizers.Tokenizer:
    try:
        file = tokenizers.Tokenizer.from_buffer(path.read_bytes())
    except OSError as error:
        raise BundleInvalid(path, error.strerror or str(error)) from error
    except Exception as error:  # the library raises nothing narrower
        raise BundleInvalid(path, f"not a tokenizer: {error}") from error
    # Files often carry the lengths of their training, and sometimes its random merges.
    file.no_truncation()
    file.no_padding()
    if isinstance(file.model, BPE):
        file.model.dropout = None
    return file


def _check_ids(file: tokenizers.Tokenizer, spec: TextSpec, path: Path) -> None:
    highest = max(file.get_vocab(with_added_tokens=True).values(), default=-1)
    if highest >= spec.vocab_size:
        raise BundleInvalid(
            path,
            f"has token ids up to {highest:,}, but the card's vocab_size is {spec.vocab_size:,}",
        )
    for name in ("start_id", "end_id", "pad_id"):
        if file.id_to_token(getattr(spec, name)) is None:
            raise BundleInvalid(path, f"has no token {getattr(spec, name):,}, the card's {name}")


def _file_ids(file: tokenizers.Tokenizer) -> Ids:
    """The file's own normaliser, splitting and added tokens; start and end are ours to add."""

    def ids(text: str) -> list[int]:
        return file.encode(fix_surrogates(text), add_special_tokens=False).ids

    return ids


def _openclip_ids(file: tokenizers.Tokenizer, spec: TextSpec, path: Path) -> Ids:
    """The file's vocabulary and merges only: cleaning, splitting and special tokens are OpenCLIP's."""
    bpe = file.model
    if not isinstance(bpe, BPE) or bpe.end_of_word_suffix != _WORD_END:
        raise BundleInvalid(
            path, f"holds no byte pairs with {_WORD_END}, as OpenCLIP's cleaning needs"
        )
    symbols = [symbol + end for symbol in ByteLevel.alphabet() for end in ("", _WORD_END)]
    if lacking := [symbol for symbol in symbols if bpe.token_to_id(symbol) is None]:
        raise BundleInvalid(
            path, f"lacks {len(lacking)} of the 512 byte symbols, such as {lacking[0]!r}"
        )

    split = Split(tokenizers.Regex(PIECE), behavior="removed", invert=True)
    # A new tokenizer, for it lacks the file's added tokens, which OpenCLIP doesn't look for in a text.
    words = tokenizers.Tokenizer(bpe)
    words.pre_tokenizer = Steps([split, ByteLevel(add_prefix_space=False, use_regex=False)])
    specials = {START: spec.start_id, END: spec.end_id}

    def plain(text: str) -> list[int]:
        return words.encode(text, add_special_tokens=False).ids

    def ids(text: str) -> list[int]:
        text = clean(text)
        if not any(special in text for special in specials):
            return plain(text)
        # A special token counts only where it is a piece of its own: in "!!<end_of_text>" it is not.
        found: list[int] = []
        for piece, _ in split.pre_tokenize_str(text):
            found += [specials[piece]] if piece in specials else plain(piece)
        return found

    return ids
