"""Feeds and folders, and what in them is an item."""

import base64
import datetime
import json
import os
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lookalike.catalog import arrow
from lookalike.catalog.pictures import (
    BytesPicture,
    DataPicture,
    FilePicture,
    PictureReader,
    UrlPicture,
    picture_of,
)
from lookalike.catalog.sources import Entry, FeedMapping, Rejected, open_source
from lookalike.catalog.sources import jsonl as jsonl_module
from lookalike.errors import (
    ExtraMissing,
    FetchRefused,
    ImageTooManyBytes,
    PictureUnavailable,
    SettingInvalid,
    SourceInvalid,
)


def read(path: Path, mapping: FeedMapping | None = None) -> list[Entry | Rejected]:
    return list(open_source(path, mapping))


def attributes(entry: Entry | Rejected) -> dict:
    assert isinstance(entry, Entry), entry.error
    return dict(entry.item.attributes)


# A folder


def test_a_folder_is_read_through_with_its_sub_folders_as_an_attribute(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/x.webp", "a/b/y.png", ".hidden.jpg", "a/.git/z.jpg", "a/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "a" / "again").symlink_to(tmp_path)  # a circle
    source = open_source(tmp_path)
    entries = list(source)
    assert [entry.item.id for entry in entries] == ["a/b/y.png", "a/x.webp", "b.JPG"]
    assert source.total() == 3
    assert attributes(entries[0]) == {"folder": ("a", "a/b")}
    assert attributes(entries[2]) == {}
    assert entries[0].item.image == str(tmp_path / "a/b/y.png")
    assert entries[0].picture == FilePicture(tmp_path / "a/b/y.png")


def test_a_file_name_that_is_not_unicode_fails_alone(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"\xff.jpg")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system has no such names")
    (tmp_path / "a.jpg").write_bytes(b"")
    good, bad = read(tmp_path)
    assert isinstance(good, Entry)
    assert isinstance(bad, Rejected)
    assert bad.where.isascii()


# JSON lines


def test_json_lines_give_items_and_the_rest_become_attributes(tmp_path: Path) -> None:
    feed = tmp_path / "feed.jsonl"
    first = {"id": 7, "image": "p/a.jpg", "title": "Café", "description": None, "price": 5.5}
    second = {"id": "x", "title": "t", "tags": ["a", "b"], "size": {"eu": 42, "us": {"m": 9}}}
    feed.write_bytes(
        b"\xef\xbb\xbf" + json.dumps(first).encode() + b"\n\n" + json.dumps(second).encode()
    )
    one, two = read(feed)
    assert (one.item.id, one.item.title, one.item.description) == ("7", "Café", None)
    assert one.item.image == str(tmp_path / "p/a.jpg")
    assert attributes(one) == {"price": 5.5}
    assert attributes(two) == {"tags": ("a", "b"), "size.eu": 42, "size.us.m": 9}
    assert two.picture is None
    assert two.where == "feed.jsonl:3"
    assert open_source(feed).total() == 3  # an estimate: empty lines count


@pytest.mark.parametrize(
    ("line", "reason", "known"),
    [
        (b'{"id": "a"', "not JSON", None),
        (b"[1]", "not a JSON object", None),
        (b'{"title": "t"}', "has no id in 'id'", None),
        (b'{"id": true, "title": "t"}', "is no id", None),
        (b'{"id": "a"}', "neither a picture nor a title", "a"),
        (b'{"id": "a", "title": "t", "x": NaN}', "NaN is not a JSON number", None),
        (b'{"id": "a", "title": "t", "x": 1e999}', "not a finite number", "a"),
        (b'{"id": "a", "title": "\\ud800"}', "not valid Unicode", "a"),
        (b'{"id": "a", "title": "\xff"}', "not UTF-8", None),
        (b'{"id": "a", "title": "t", "x": [{"y": 1}]}', "attributes.x must be", "a"),
        (b'{"id": "a", "image": 5}', "no picture but int", "a"),
        (b"[" * 100_000, "nested too deep|not JSON", None),
    ],
)
def test_a_bad_line_fails_alone_and_says_why(
    tmp_path: Path, line: bytes, reason: str, known: str | None
) -> None:
    feed = tmp_path / "feed.jsonl"
    feed.write_bytes(line + b'\n{"id": "good", "title": "t"}\n')
    bad, good = read(feed)
    assert isinstance(bad, Rejected)
    assert any(part in str(bad.error) for part in reason.split("|"))
    assert (bad.where, bad.id) == ("feed.jsonl:1", known)
    assert isinstance(good, Entry)


def test_a_line_without_end_is_passed_over_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl_module, "MAX_LINE", 100)
    feed = tmp_path / "feed.jsonl"
    feed.write_bytes(b"x" * 1000 + b'\n{"id": "good", "title": "t"}\n')
    bad, good = read(feed)
    assert isinstance(bad, Rejected)
    assert "longer than 100 bytes" in str(bad.error)
    assert isinstance(good, Entry)
    assert good.where == "feed.jsonl:2"


# CSV


def test_csv_cells_are_typed_by_their_whole_column(tmp_path: Path) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text(
        "id,title,stock,price,zip,sale,mixed,empty\n"
        '007,"Shirt, ""blue""",3,4.50,00123,true,1,\n'
        "008,Hat,-4,5,99999,False,x,\n"
        "009,Cap,,,,,,\n"
    )
    one, two, three = read(feed)
    assert one.item.id == "007"
    assert one.item.title == 'Shirt, "blue"'
    assert attributes(one) == {
        "stock": 3,
        "price": 4.5,
        "zip": "00123",
        "sale": True,
        "mixed": "1",
    }
    assert attributes(two) == {
        "stock": -4,
        "price": 5.0,
        "zip": "99999",
        "sale": False,
        "mixed": "x",
    }
    assert isinstance(two.item.attributes["price"], float)
    assert attributes(three) == {}
    assert open_source(feed).total() == 3


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_header_tells_the_separator(tmp_path: Path, separator: str) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text(separator.join(("id", "title", "a")) + "\n" + separator.join("1tx"))
    (one,) = read(feed)
    assert attributes(one) == {"a": "x"}


def test_bad_csv_rows_fail_alone(tmp_path: Path) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_bytes(b"id,title\n1,a\n2,b,too many\n3,\xff\xfe\n,no id\n5,e\n")
    entries = read(feed)
    assert [isinstance(one, Entry) for one in entries] == [True, False, False, False, True]
    reasons = " ".join(str(one.error) for one in entries if isinstance(one, Rejected))
    assert "3 cells, and the header 2" in reasons
    assert "not valid Unicode" in reasons
    assert "has no id" in reasons


def test_a_csv_cell_may_hold_a_picture(tmp_path: Path) -> None:
    uri = "data:image/png;base64," + base64.b64encode(bytes(300_000)).decode()
    feed = tmp_path / "feed.csv"
    feed.write_text(f'id,image\n1,"{uri}"\n')
    (one,) = read(feed)
    assert one.picture == DataPicture(uri)
    assert one.item.image is None


def test_a_feed_without_the_ids_column_says_which_there_are_and_what_to_do(tmp_path: Path) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text("sku,name\n1,a\n")
    with pytest.raises(SourceInvalid, match=r"there are: sku, name.*--map id=COLUMN"):
        read(feed)
    mapping = FeedMapping.parse(["id=sku", "title=name"])
    (one,) = read(feed, mapping)
    assert (one.item.id, one.item.title) == ("1", "a")


def test_columns_can_be_mapped_left_out_and_split(tmp_path: Path) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text("sku,photo,secret,tags\n1,a.jpg,x,red; blue;\n")
    mapping = FeedMapping.parse(["id=sku", "image=photo"], ["secret"], ["tags=;"])
    (one,) = read(feed, mapping)
    assert attributes(one) == {"tags": ("red", "blue")}
    for wrong in (["id"], ["colour=x"], ["id="]):
        with pytest.raises(SettingInvalid, match="--map"):
            FeedMapping.parse(wrong)


# Parquet


def test_parquet_rows_may_carry_their_pictures(tmp_path: Path) -> None:
    feed = tmp_path / "feed.parquet"
    table = pa.table(
        {
            "id": [1, 2],
            "image": [{"bytes": b"PNG", "path": "a.png"}, {"bytes": None, "path": "b.png"}],
            "price": [Decimal("4.50"), None],
            "added": [datetime.date(2024, 5, 1), None],
            "tags": [["a", "b"], []],
        }
    )
    pq.write_table(table, feed)
    one, two = read(feed)
    assert one.item.id == "1"
    assert isinstance(one.picture, BytesPicture)
    assert one.picture.data == b"PNG"
    assert one.item.image is None
    assert attributes(one) == {"price": 4.5, "added": "2024-05-01", "tags": ("a", "b")}
    assert two.picture == FilePicture(tmp_path / "b.png")
    assert attributes(two) == {}
    assert open_source(feed).total() == 2


def test_without_the_extra_a_parquet_feed_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(what: str) -> None:
        raise ExtraMissing(what, "parquet")

    monkeypatch.setattr(arrow, "arrow", missing)
    feed = tmp_path / "feed.parquet"
    feed.write_bytes(b"")
    with pytest.raises(ExtraMissing, match=r"lookalike\[parquet\]"):
        read(feed)


def test_what_is_no_feed_is_refused_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "feed.parquet").write_bytes(b"not parquet")
    (tmp_path / "feed.xlsx").write_bytes(b"")
    (tmp_path / "empty.csv").write_bytes(b"")
    for name in ("feed.parquet", "feed.xlsx", "empty.csv", "nowhere.jsonl"):
        with pytest.raises(SourceInvalid):
            read(tmp_path / name)


# Pictures


def test_what_a_feed_says_of_a_picture_is_one_of_four_things(tmp_path: Path) -> None:
    assert picture_of("a/b.jpg", tmp_path) == FilePicture(tmp_path / "a/b.jpg")
    assert picture_of("/abs/b.jpg", tmp_path) == FilePicture(Path("/abs/b.jpg"))
    assert picture_of("file:///abs/b%20c.jpg", tmp_path) == FilePicture(Path("/abs/b c.jpg"))
    assert picture_of("HTTPS://x.example/b.jpg", tmp_path) == UrlPicture("HTTPS://x.example/b.jpg")
    assert picture_of("data:image/png;base64,AAAA", None).reference is None
    with pytest.raises(PictureUnavailable, match="paths are not read here"):
        picture_of("/etc/passwd", None)


@pytest.mark.parametrize("path", ["../outside.jpg", "/etc/hostname", "link.jpg", "a/../../x.jpg"])
def test_a_feed_that_is_confined_reaches_nothing_outside_of_its_folder(
    tmp_path: Path, path: str
) -> None:
    (tmp_path / "outside.jpg").write_bytes(b"secret")
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (feed / "inside.jpg").write_bytes(b"picture")
    reader = PictureReader(1000, inside=feed)
    assert reader.read(picture_of("inside.jpg", feed)) == b"picture"
    with pytest.raises(PictureUnavailable, match="is outside of"):
        reader.read(picture_of(path, feed))
    # without confinement, an owner's own feed may point anywhere
    assert PictureReader(1000).read(picture_of("../outside.jpg", feed)) == b"secret"


def test_what_is_no_file_is_neither_waited_for_nor_read_without_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    reader = PictureReader(1000)
    for path in (tmp_path / "pipe.jpg", Path("/dev/zero"), tmp_path):
        with pytest.raises(PictureUnavailable):
            reader.read(FilePicture(path))
    with pytest.raises(PictureUnavailable, match="no such file"):
        reader.read(FilePicture(tmp_path / "missing.jpg"))


def test_pictures_of_every_kind_are_limited_in_bytes(tmp_path: Path) -> None:
    (tmp_path / "big.jpg").write_bytes(bytes(1001))
    reader = PictureReader(1000)
    uri = "data:;base64," + base64.b64encode(bytes(1001)).decode()
    pictures = [
        FilePicture(tmp_path / "big.jpg"),
        DataPicture(uri),
        DataPicture("data:," + "x" * 1001),
        BytesPicture(bytes(1001)),
    ]
    for one in pictures:
        with pytest.raises(ImageTooManyBytes):
            reader.read(one)
    assert reader.read(DataPicture("data:image/png;base64,AAEC")) == b"\x00\x01\x02"
    for bad in ("data:image/png;base64", "data:image/png;base64,@@@", "data:;base64,AAA"):
        with pytest.raises(PictureUnavailable):
            reader.read(DataPicture(bad))


def test_urls_are_fetched_only_when_that_is_allowed() -> None:
    with pytest.raises(PictureUnavailable, match="--allow-urls"):
        PictureReader(1000).read(UrlPicture("http://x.example/a.jpg"))

    class Refusing:
        def fetch(self, url: str) -> bytes:
            raise FetchRefused(url, "asked")

    with pytest.raises(FetchRefused, match="asked"):
        PictureReader(1000, Refusing()).read(UrlPicture("http://x.example/a.jpg"))
