"""The pure parts under both adapters: items, filters, attributes, paging, frames, the journal."""

import json
from pathlib import Path

import pytest
from conftest import record
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.catalog.attributes import Kind, is_datetime, kind_of, widen
from lookalike.catalog.engine.journal import JournalWriter, replay
from lookalike.catalog.engine.wire import Decoder, OutOfStepError, frame
from lookalike.catalog.filters import parse_filter, to_qdrant
from lookalike.catalog.items import Item, Record, checked_item, item_of, point_id
from lookalike.catalog.paging import page
from lookalike.catalog.store import Part, Recommend, Search
from lookalike.errors import FilterInvalid, ItemInvalid, QueryInvalid


def test_the_point_of_an_item_never_changes() -> None:
    # stored data depends on it
    assert str(point_id("a")) == "820f7b24-93ad-5ce6-b53d-6b712c2327ee"
    assert point_id("a") != point_id("A")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": ""}, "id"),
        ({"id": 7}, "id"),
        ({"id": "x" * 513}, "longer"),
        ({"id": "\ud800"}, "Unicode"),
        ({"title": 3}, "title"),
        ({"description": "x" * 100_001}, "longer"),
        ({"attributes": {"": 1}}, "called"),
        ({"attributes": {'a"b': 1}}, "called"),
        ({"attributes": {"a[0]": 1}}, "called"),
        ({"attributes": {3: 1}}, "called"),
        ({"attributes": {"a": {"b": 1}}}, "a must be"),
        ({"attributes": {"a": [[1]]}}, "a must be"),
        ({"attributes": {"a": float("nan")}}, "finite"),
        ({"attributes": {"a": 2**63}}, "64 bits"),
        ({"attributes": {"a": "\udfff"}}, "Unicode"),
        ({"attributes": {f"a{n}": n for n in range(257)}}, "more than"),
        ({"attributes": [1]}, "object"),
    ],
)
def test_an_item_refuses_to_be_invalid(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ItemInvalid, match=words):
        Item(**{"id": "x", **fields})


def test_what_is_empty_is_not_there() -> None:
    item = Item(
        "x", "", "", "", {"none": None, "empty": [], "nones": [None], "zero": 0, "no": False}
    )
    assert (item.image, item.title, item.description) == (None, None, None)
    assert item.attributes == {"zero": 0, "no": False}


values = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
)
names = st.text("abc. -_é", min_size=1, max_size=9)


@settings(deadline=None, max_examples=40)
@given(
    st.dictionaries(names, st.one_of(values, st.lists(values, min_size=1, max_size=3)), max_size=4)
)
def test_an_item_survives_its_payload(attributes: dict[str, object]) -> None:
    item = Item("x", "i.jpg", "t", "d", attributes)
    payload = json.loads(json.dumps(Record(item).payload))
    assert item_of(payload) == checked_item(payload) == item


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", True),
        ("2024-01-31T10:00:00", True),
        ("2024-01-31T10:00:00.123Z", True),
        ("2024-01-31 10:00:00+02:00", True),
        ("2024-02-31", False),
        ("2024-1-3", False),
        ("20240131", False),
        ("x2024-01-31", False),
        ("2024-01-31x", False),
    ],
)
def test_dates_are_known_by_their_form(text: str, expected: bool) -> None:
    assert is_datetime(text) is expected


@settings(deadline=None, max_examples=40)
@given(st.lists(values, min_size=1, max_size=6), st.randoms())
def test_a_kind_doesnt_depend_on_the_order_of_what_was_seen(
    seen: list[object], shuffle: object
) -> None:
    def over(all_of: list[object]) -> Kind | None:
        kind: Kind | None = None
        for one in all_of:
            kind = widen(kind, kind_of(one))
        return kind

    again = list(seen)
    shuffle.shuffle(again)
    assert over(again) == over(seen)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "object"),
        ("red", "object"),
        ({"a": None}, "needs a value"),
        ({"a": []}, "matches nothing"),
        ({"a": {}}, "needs one of"),
        ({"a": {"near": 3}}, "'near'"),
        ({"a": {"gt": True}}, "numbers or dates"),
        ({"a": {"gt": [1]}}, "must be"),
        ({"a": {"exists": "yes"}}, "true or false"),
        ({"a": [1, {"b": 2}]}, "must be"),
        ({"and": {}}, "list"),
        ({"or": []}, "at least one"),
        ({"not": {}}, "needs a filter"),
        ({"a": float("inf")}, "finite"),
        ({"a": list(range(2000))}, "more than"),
    ],
)
def test_a_malformed_filter_says_what_is_wrong(data: object, words: str) -> None:
    with pytest.raises(FilterInvalid, match=words):
        parse_filter(data)


def test_a_filter_nested_for_ever_is_refused() -> None:
    data: dict[str, object] = {"a": 1}
    for _ in range(100):
        data = {"not": data}
    with pytest.raises(FilterInvalid, match="deep"):
        parse_filter(data)


def test_no_filter_is_none() -> None:
    assert parse_filter(None) is parse_filter({}) is to_qdrant(None) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: Search(),
        lambda: Search(words="  ", target="hybrid"),
        lambda: Search(words="red"),
        lambda: Search(parts=(Part(item="a"),), limit=0),
        lambda: Search(parts=(Part(item="a"),), offset=9_995),
        lambda: Search(parts=(Part(item="a"),), diversity=1.5),
        lambda: Search(parts=(Part(item="a"),), target="hybrid", threshold=0.5),
        lambda: Search(parts=(Part(vector=[1.0]),)),
        lambda: Part(),
        lambda: Part(item="a", weight=0),
        lambda: Part(item="a", weight=float("nan")),
        lambda: Recommend(()),
    ],
)
def test_a_search_that_means_nothing_is_refused(make: object) -> None:
    with pytest.raises(QueryInvalid):
        make()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 700), st.integers(1, 60), st.integers(1, 90))
def test_pages_of_an_inconstant_search_add_up(size: int, limit: int, swing: int) -> None:
    def fetch(window: int) -> list[str]:
        # asked for more, it answers in another order
        rows = [str(number) for number in range(size)]
        turn = (window * 7) % swing
        return (rows[turn:] + rows[:turn])[:window]

    seen: list[str] = []
    offset = 0
    while rows := page(fetch, lambda row: row, offset, limit):
        seen += rows
        offset += limit
    assert len(seen) == len(set(seen)) == size


@settings(deadline=None, max_examples=40)
@given(st.lists(st.binary(max_size=50), max_size=5), st.integers(1, 30))
def test_frames_come_out_whole_however_they_are_cut(bodies: list[bytes], cut: int) -> None:
    sent = [frame({"id": number, "ü": "é"}, body) for number, body in enumerate(bodies)]
    stream = b"".join(one.packed() for one in sent)
    decoder = Decoder()
    got = []
    for at in range(0, len(stream), cut):
        got += decoder.feed(stream[at : at + cut])
    assert got == sent
    assert decoder.waiting == 0


def test_a_stream_out_of_step_is_noticed() -> None:
    with pytest.raises(OutOfStepError):
        Decoder().feed(b"HTTP/1.1 200 OK\r\n")


def test_a_journal_gives_back_its_frames_from_any_position_and_ignores_half_a_frame(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal"
    journal = JournalWriter(path)
    frames = [frame({"id": 1, "op": "delete", "ids": ["x" * n]}) for n in range(9)]
    ends = []
    for one in frames:
        journal.append(one)
        ends.append(journal.length)
    assert [one for one, _ in replay(path, 0, journal.length)] == frames
    assert [end for _, end in replay(path, 0, journal.length)] == ends
    assert [one for one, _ in replay(path, ends[3], ends[6])] == frames[4:7]
    assert [end for _, end in replay(path, ends[3], ends[6] + 5)] == ends[4:7]
    journal.close()


def test_the_payload_of_a_record_is_made_once() -> None:
    one = record(1)
    assert one.payload is one.payload
