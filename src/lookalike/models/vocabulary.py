"""CLIP's tokenizer from OpenAI's vocabulary file, for weights that come without a `tokenizer.json`."""

import gzip
from pathlib import Path

from tokenizers import Regex, Tokenizer
from tokenizers.models import BPE
from tokenizers.normalizers import NFC, Lowercase, Replace
from tokenizers.normalizers import Sequence as Normalizers
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as PreTokenizers
from tokenizers.processors import RobertaProcessing

from lookalike.errors import ImportInvalid
from lookalike.models.bundle import sha256

MERGES = "bpe_simple_vocab_16e6.txt.gz"
SHA256 = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
"""Of the file as OpenAI and OpenCLIP have it."""

START, END = "<|startoftext|>", "<|endoftext|>"
SIZE = 49_408
_BYTES = 256
_WORD_END = "</w>"
_PIECE = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)


def tokenizer_from_merges(path: Path) -> Tokenizer:
    """The tokenizer that OpenAI's models were trained with. Raises ImportInvalid if the file is another."""
    if sha256(path) != SHA256:
        raise ImportInvalid(path, f"it is not OpenAI's {MERGES}: its sha256 is not {SHA256}")
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
    # the first line is a title; of the merges that follow only as many count as the vocabulary has room for
    room = SIZE - 2 * _BYTES - 2
    merges = [(left, right) for left, right in map(str.split, lines[1 : room + 1])]
    symbols = _byte_symbols()
    tokens = [*symbols, *(s + _WORD_END for s in symbols), *(a + b for a, b in merges), START, END]
    ids = {token: i for i, token in enumerate(tokens)}

    tokenizer = Tokenizer(BPE(ids, merges, unk_token=END, end_of_word_suffix=_WORD_END))
    tokenizer.normalizer = Normalizers([NFC(), Replace(Regex(r"\s+"), " "), Lowercase()])
    tokenizer.pre_tokenizer = PreTokenizers(
        [Split(Regex(_PIECE), behavior="removed", invert=True), ByteLevel(add_prefix_space=False)]
    )
    tokenizer.post_processor = RobertaProcessing(
        (END, ids[END]), (START, ids[START]), trim_offsets=False, add_prefix_space=False
    )
    tokenizer.add_special_tokens([START, END])
    return tokenizer


def _byte_symbols() -> list[str]:
    """The characters that stand for the 256 bytes, in the vocabulary's order: printable ones as themselves
    first, then the others, which borrow the characters from U+0100 on."""
    printable = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    others = range(_BYTES - len(printable))
    return [chr(byte) for byte in printable] + [chr(_BYTES + i) for i in others]
