import html
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ftfy
import numpy as np
import pytest
import tokenizers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers.models import BPE

from lookalike.encoder.cleaning import clean, mend
from lookalike.encoder.pieces import PIECE
from lookalike.encoder.tokenizer import CHARACTERS_PER_TOKEN, Tokenizer
from lookalike.errors import BundleInvalid
from lookalike.models.cards import TextSpec
from tests.vocabulary import clip_tokenizer

GOLDEN = Path(__file__).parents[1] / "golden/text"

OPENCLIP = TextSpec(context_length=77, vocab_size=49408, start_id=49406, end_id=49407, pad_id=0)
CLIP = OPENCLIP.model_copy(update={"clean": "none", "pad_id": 49407})
WORDPIECE = TextSpec(
    context_length=48, vocab_size=1500, start_id=2, end_id=3, pad_id=0, clean="none"
)
KINDS = ("openclip", "clip", "wordpiece")

Load = Callable[[str], Tokenizer]


@pytest.fixture(scope="module")
def clip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def load(clip_file: Path) -> Load:
    loaded = {
        "openclip": Tokenizer.load(clip_file, OPENCLIP),
        "clip": Tokenizer.load(clip_file, CLIP),
        "wordpiece": Tokenizer.load(GOLDEN / "wordpiece.json", WORDPIECE),
    }
    return loaded.__getitem__


@pytest.fixture(scope="module")
def openclip(load: Load) -> Tokenizer:
    return load("openclip")


def corpus() -> list[str]:
    return json.loads((GOLDEN / "corpus.json").read_text())


def golden(kind: str, prefix: str = "") -> list[list[int]]:
    """Rows of start, content and end, as the reference gives them, without padding."""
    with np.load(GOLDEN / f"{kind}.npz") as arrays:
        ends = np.cumsum(arrays[f"{prefix}lengths"])[:-1]
        return [row.tolist() for row in np.split(arrays[f"{prefix}ids"], ends)]


def openclip_clean(text: str) -> str:
    """What OpenCLIP's `clean="lower"` says, step by step."""
    text = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
    return " ".join(text.split()).strip().lower()


# The same ids as the references


def test_corpus_has_a_thousand_distinct_texts() -> None:
    assert len(set(corpus())) == len(corpus()) >= 1000


@pytest.mark.parametrize("kind", KINDS)
def test_ids_equal_the_reference_on_the_corpus(kind: str, load: Load) -> None:
    tokenizer, texts, rows = load(kind), corpus(), golden(kind)
    different = [
        (text, row)
        for text, row in zip(texts, rows, strict=True)
        if tokenizer([text]).ids[0].tolist() != row
    ]
    assert different == []


@pytest.mark.parametrize("kind", KINDS)
def test_ids_of_huge_texts_equal_the_reference_and_take_no_time(kind: str, load: Load) -> None:
    tokenizer = load(kind)
    texts = [unit * times for unit, times in json.loads((GOLDEN / "huge.json").read_text())]
    started = time.process_time()
    rows = [tokenizer([text]).ids[0].tolist() for text in texts]
    assert time.process_time() - started < 0.5
    assert rows == golden(kind, "huge_")


def test_characters_are_in_the_class_that_openclip_gives_them() -> None:
    expected = np.full(0x110000, "other", dtype="<U7")
    bounds: set[int] = set()
    for name, ranges in json.loads((GOLDEN / "classes.json").read_text()).items():
        for codes in ranges.split():
            first, _, last = codes.partition("-")
            start, stop = int(first, 16), int(last or first, 16) + 1
            expected[start:stop] = name
            bounds |= {start - 1, start, stop - 1, stop}
    codes = sorted(
        c for c in {*range(0x3400), *range(0x3400, 0x110000, 101), *bounds} if _in_cleaned_text(c)
    )

    split = tokenizers.pre_tokenizers.Split(tokenizers.Regex(PIECE), "removed", invert=True)
    pieces: list[list[str]] = [[] for _ in codes]
    for piece, (begin, _) in split.pre_tokenize_str("".join(f"a{chr(c)}{chr(c)} " for c in codes)):
        pieces[begin // 4].append(piece)
    names = {1: "letter", 2: "other", 3: "number"}
    found = ["dropped" if p == ["a"] else names[len(p)] for p in pieces]
    wrong = {f"{c:X}": name for c, name in zip(codes, found, strict=True) if expected[c] != name}
    assert wrong == {}


def _in_cleaned_text(code: int) -> bool:
    return not 0xD800 <= code <= 0xDFFF and chr(code).lower() == chr(code)


# Cleaning

_PIECES = (
    "&", "amp;", "&amp;", "&lt;", "<", "&#", "38;", "&#x27;", "&eacute;", "&EACUTE;", ";", "\n", "\r", " ",
    "\x0b", "\x1b[1m", "\x7f", "\xc3\xa9", "\xe2\u20ac\u2122", "\xc2\xa0", "\xe9", "\ufb01", "\uff21",
    "\u201c", "\u03a3", "\ud83d", "\ude00", "\ufeff", "a\u0301", "word",
)  # fmt: skip
_ENTANGLED = st.lists(st.sampled_from(_PIECES) | st.characters(), max_size=12).map("".join)
_ASCII = st.text(st.characters(max_codepoint=127), max_size=40)


@settings(max_examples=400, deadline=None)
@given(_ASCII)
@example("a\r\nb\rc\x0cd\te")
@example("a\x0bb\x1fc")
def test_cleaning_ascii_equals_openclip(text: str) -> None:
    assert clean(text) == openclip_clean(text)


@settings(max_examples=400, deadline=None)
@given(_ENTANGLED | st.text(max_size=40))
@example("a < b &EACUTE;\nc &EACUTE;")
@example("c &EACUTE;\na < b &EACUTE;\nd &EACUTE;")
def test_mending_and_cleaning_equal_ftfy_and_openclip(text: str) -> None:
    assert mend(text) == ftfy.fix_text(text)
    assert clean(text) == openclip_clean(text)


def test_escapes_within_escapes_cannot_take_long() -> None:
    nested = [
        "é&" + "amp;" * 1230,
        "é&" + "amp&semi;" * 540,
        "é&" + "#38;" * 1230,
        "\uff06" + "amp\uff1b" * 1230,
    ]
    started = time.process_time()
    for text in nested:
        clean(text)
    assert time.process_time() - started < 0.5


def test_number_of_thousands_of_digits_is_a_replacement_character() -> None:
    assert clean("a &#" + "9" * 4500 + "; b") == "a \ufffd b"


# Length


def test_text_longer_than_the_context_is_cut_and_flagged_and_keeps_its_end(
    openclip: Tokenizer,
) -> None:
    fitting, longer = "x " * 75, "x " * 76
    tokens = openclip([fitting, longer])
    assert tokens.truncated.tolist() == [False, True]
    assert tokens.ids.shape == (2, 77)
    assert tokens.ids[1].tolist() == tokens.ids[0].tolist()
    assert tokens.ids[1, -1] == OPENCLIP.end_id


def test_text_beyond_the_limit_is_flagged_even_if_what_was_read_is_short(
    openclip: Tokenizer,
) -> None:
    blank = " " * (CHARACTERS_PER_TOKEN * 77)
    tokens = openclip([blank, blank + "x"])
    assert tokens.truncated.tolist() == [False, True]
    assert tokens.ids.tolist() == [[49406, 49407]] * 2


def test_empty_text_is_start_and_end(openclip: Tokenizer) -> None:
    tokens = openclip(["", "  \n"])
    assert tokens.ids.tolist() == [[49406, 49407]] * 2
    assert not tokens.truncated.any()


def test_batch_is_padded_to_its_longest_text(openclip: Tokenizer) -> None:
    tokens = openclip(["a photo of a cat", "", "cat"])
    assert tokens.ids.dtype == np.int64
    assert tokens.ids.tolist() == [
        [49406, 320, 1125, 539, 320, 2368, 49407],
        [49406, 49407, 0, 0, 0, 0, 0],
        [49406, 2368, 49407, 0, 0, 0, 0],
    ]


def test_batch_is_padded_to_the_context_where_the_card_says_so(clip_file: Path) -> None:
    spec = CLIP.model_copy(update={"padding": "context"})
    ids = Tokenizer.load(clip_file, spec)(["cat"]).ids
    assert ids.tolist() == [[49406, 2368] + [49407] * 75]


def test_no_texts_are_no_rows(openclip: Tokenizer) -> None:
    tokens = openclip([])
    assert tokens.ids.shape == (0, 2)
    assert tokens.truncated.shape == (0,)


# Robustness


@settings(max_examples=300, deadline=None)
@given(text=_ENTANGLED | st.text(st.characters(), max_size=60))
@example("\ud800")
@example("a\x00b")
@example("&#" + "0" * 4400 + "65;")
def test_no_text_raises(load: Load, text: str) -> None:
    for kind in KINDS:
        tokenizer = load(kind)
        row = tokenizer([text]).ids[0]
        assert (row[0], row[-1]) == (tokenizer.spec.start_id, tokenizer.spec.end_id)
        assert 0 <= row.min() <= row.max() < tokenizer.spec.vocab_size


def test_one_string_instead_of_a_list_is_refused(openclip: Tokenizer) -> None:
    with pytest.raises(TypeError, match="list of strings"):
        openclip("a cat")


def test_threads_share_a_tokenizer(openclip: Tokenizer) -> None:
    texts, rows = corpus(), golden("openclip")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: openclip([text]).ids[0].tolist(), texts))
    assert found == rows


# Loading


def reason(path: Path, spec: TextSpec) -> str:
    with pytest.raises(BundleInvalid) as caught:
        Tokenizer.load(path, spec)
    assert caught.value.path == str(path)
    return caught.value.reason


def saved(tokenizer: tokenizers.Tokenizer, folder: Path) -> Path:
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def test_missing_file_is_invalid(tmp_path: Path) -> None:
    assert "No such file" in reason(tmp_path / "tokenizer.json", OPENCLIP)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"\xff\xfe", b'{"model": {"type": "BPE"}}', b"[" * 5000]
)
def test_damaged_file_is_invalid(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    assert "not a tokenizer" in reason(path, OPENCLIP)


def test_vocabulary_larger_than_the_cards_is_invalid(clip_file: Path) -> None:
    spec = TextSpec(context_length=77, vocab_size=49000, start_id=1, end_id=2, pad_id=0)
    assert (
        reason(clip_file, spec) == "has token ids up to 49,407, but the card's vocab_size is 49,000"
    )


def test_special_id_that_the_file_lacks_is_invalid(clip_file: Path) -> None:
    spec = OPENCLIP.model_copy(update={"vocab_size": 60_000, "end_id": 50_000})
    assert reason(clip_file, spec) == "has no token 50,000, the card's end_id"


def test_openclip_cleaning_needs_byte_pairs() -> None:
    spec = WORDPIECE.model_copy(update={"clean": "openclip"})
    assert "byte pairs" in reason(GOLDEN / "wordpiece.json", spec)


def test_openclip_cleaning_needs_every_byte(tmp_path: Path) -> None:
    model = BPE({"a": 0, "a</w>": 1, "b": 2}, [], end_of_word_suffix="</w>")
    spec = TextSpec(context_length=8, vocab_size=3, start_id=0, end_id=1, pad_id=2)
    assert "lacks 509 of the 512 byte symbols" in reason(
        saved(tokenizers.Tokenizer(model), tmp_path), spec
    )


@pytest.mark.parametrize("spec", [OPENCLIP, CLIP], ids=["openclip", "none"])
def test_random_merges_of_training_are_off(spec: TextSpec, clip_file: Path, tmp_path: Path) -> None:
    file = tokenizers.Tokenizer.from_file(str(clip_file))
    file.model.dropout = 0.9
    tokenizer = Tokenizer.load(saved(file, tmp_path), spec)
    assert tokenizer(["photograph"] * 20).ids.tolist() == [[49406, 8853, 49407]] * 20
