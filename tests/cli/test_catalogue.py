"""The catalogue's commands, as they are typed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lookalike.catalog.conditions import parse_conditions
from lookalike.catalog.filters import And, AnyOf, Between, Equal, Exists, Filter, Not, Or
from lookalike.catalog.items import Item
from lookalike.catalog.store import Hit, IndexSettings
from lookalike.catalog.wire import settings_of_texts
from lookalike.cli import main
from lookalike.cli.catalogue import opening, watching
from lookalike.cli.catalogue.page import Shown, results_page
from lookalike.cli.catalogue.tables import plain
from lookalike.cli.catalogue.watching import plain_line
from lookalike.errors import FilterInvalid, SettingInvalid
from tests.catalog.colours import ColourEncoder
from tests.catalog.shop import make_shop, picture, row, write_feed

ROOT = Path(__file__).parents[2]


class Finished:
    """What a command printed, and its exit status."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> object:
        return json.loads(self.out)


Run = Callable[..., Finished]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on a catalogue of its own, with an encoder that knows colours."""
    monkeypatch.setenv("LOOKALIKE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(
        opening, "_load", lambda settings: ColourEncoder(int(settings.model_name == "other"))
    )

    def run_one(*arguments: object) -> Finished:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(one) for one in arguments])
        said = capsys.readouterr()
        return Finished(int(ended.value.code or 0), said.out, said.err)

    return run_one


@pytest.fixture
def shop(run: Run, tmp_path: Path) -> Path:
    """Twelve items in the collection `shop`; the feed's path."""
    feed = make_shop(tmp_path, 12)
    assert run("index", feed, "-c", "shop").status == 0
    return feed


def test_index_says_what_it_did_and_its_exit_status_whether_all_is_in(
    run: Run, tmp_path: Path
) -> None:
    feed = make_shop(tmp_path, 12)
    first = run("index", feed, "-c", "shop")
    assert first.status == 0
    assert "shop: 12 added, 0 updated, 0 unchanged" in first.out

    (tmp_path / "pictures" / "3.png").write_bytes(b"broken")
    write_feed(tmp_path, [row(n) for n in range(10)])
    second = run("index", feed, "-c", "shop", "--prune", "--json")
    assert second.status == 1
    assert second.json | {"seconds": 0} == {
        "collection": "shop",
        "added": 0,
        "updated": 0,
        "unchanged": 9,
        "failed": 1,
        "pruned": 2,
        "seconds": 0,
        "report": str(tmp_path / "data" / "reports" / "shop.jsonl"),
        "stopped": False,
        "not_pruned": None,
    }
    assert "sku-3" in Path(second.json["report"]).read_text()


def test_the_ray_engine_says_what_it_needs_and_what_it_cant_be_combined_with(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = make_shop(tmp_path, 1)
    refused = run("index", feed, "--engine", "ray", "--url", "http://localhost:8000")
    assert (refused.status, "not --url" in refused.err) == (2, True)
    for alone in (("--workers", "2"), ("--ray-address", "local")):
        refused = run("index", feed, *alone)
        assert (refused.status, "go with --engine ray" in refused.err) == (2, True)
    monkeypatch.setitem(sys.modules, "ray", None)
    missing = run("index", feed, "--engine", "ray", "--workers", "2")
    assert missing.status == 1
    assert "pip install 'lookalike[ray]'" in missing.err


def test_search_prints_a_table_or_json(run: Run, shop: Path) -> None:
    table = run("search", "something", "blue", "-c", "shop", "-n", "2")
    assert table.status == 0
    lines = table.out.splitlines()
    assert lines[0].split() == ["score", "id", "title", "attributes"]
    assert len(lines) == 3
    assert "blue shirt" in lines[1]
    assert "colour=blue, price=" in lines[1]

    found = run("search", "blue", "-c", "shop", "-n", "2", "--json", "--facet", "colour").json
    assert [hit["item"]["title"] for hit in found["hits"]] == ["blue shirt"] * 2
    assert {one["value"]: one["count"] for one in found["facets"]["colour"]}["red"] == 2


def test_search_by_pictures_items_and_weighted_parts_with_filters(
    run: Run, shop: Path, tmp_path: Path
) -> None:
    def first(*arguments: object) -> str:
        found = run("search", *arguments, "-c", "shop", "-n", "1", "--json")
        assert found.status == 0, found.err
        return str(found.json["hits"][0]["item"]["attributes"]["colour"])

    (tmp_path / "query.png").write_bytes(picture(77, "yellow"))
    assert first("--image", tmp_path / "query.png") == "yellow"
    assert first("--item", "sku-1") == "green"
    assert first("red", "--part", "text=blue*3") == "blue"
    assert first("white", "--part", "text=blue*-2") == "yellow"
    assert first("white", "--filter", "colour=red,green", "--filter", "price>10") in (
        "red",
        "green",
    )
    assert first("black", "--filter", "not colour=black") != "black"
    assert first("n7", "--target", "hybrid", "--filter", "price=12") == "green"


def test_recommend_and_duplicates(run: Run, shop: Path) -> None:
    liked = run("recommend", "sku-0", "--not", "sku-1", "-c", "shop", "-n", "1", "--json")
    assert liked.json["hits"][0]["id"] == "sku-6"
    pairs = run("duplicates", "-c", "shop", "--target", "text", "--threshold", "0.999", "--json")
    found = [json.loads(line) for line in pairs.out.splitlines()]
    assert len(found) == 6
    assert {abs(int(p["first"][4:]) - int(p["second"][4:])) for p in found} == {6}
    assert "6 pairs" in run("duplicates", "-c", "shop", "--target", "text").err


def test_collections_are_listed_shown_moved_saved_and_dropped(
    run: Run, shop: Path, tmp_path: Path
) -> None:
    assert "colours-0" in run("collections", "list").out
    assert [one["name"] for one in run("collections", "list", "--json").json] == ["shop"]
    assert "colour (keyword), price (integer)" in run("collections", "show", "shop").out

    configured = run("collections", "configure", "shop", "ef=200", "attributes=colour")
    assert "ef=200" in configured.out
    assert "attributes=('colour',)" in run("collections", "show", "shop").out

    exported, saved = tmp_path / "shop.parquet", tmp_path / "shop.snapshot"
    assert "12 items" in run("collections", "export", "shop", exported).out
    assert "12 items" in run("collections", "import", "copy", exported).out
    assert "12 items" in run("collections", "snapshot", "shop", saved).out
    assert "12 items" in run("collections", "restore", "third", saved).out

    moved = run("collections", "reindex", "shop", "--model", "other")
    assert moved.status == 0
    assert "shop is now of colours-1: 12 items" in moved.out
    refused = run("search", "red", "-c", "shop")
    assert refused.status == 1
    assert "collections reindex shop" in refused.err
    assert run("search", "red", "-c", "shop", "--model", "other").status == 0

    assert run("collections", "drop", "copy", "--yes").status == 0
    names = [one["name"] for one in run("collections", "list", "--json").json]
    assert names == ["shop", "third"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("search", "x", "-c", "nowhere"), "no collection is called 'nowhere'"),
        (("search", "-c", "shop"), "nothing to search for"),
        (("search", "x", "--part", "what"), "is not text="),
        (("search", "x", "--filter", "colour"), "is none of"),
        (("search", "--image", "nowhere.jpg"), "no such file"),
        (("index", "nowhere"), "no such file or folder"),
        (("index", ".", "--map", "x=y"), "FIELD=COLUMN"),
        (("collections", "show", "nowhere"), "no collection"),
        (("collections", "import", "x", "nowhere.parquet"), "no such file"),
        (("index", "nowhere.csv", "--split", "x"), "COLUMN=SEPARATOR"),
        (("collections", "list", "--url", "shop"), "http://"),
        (("collections", "list", "--url", "http://127.0.0.1:9"), "is `lookalike serve` running"),
    ],
)
def test_what_is_wrong_is_said_in_words_and_without_a_traceback(
    run: Run, arguments: tuple[str, ...], says: str
) -> None:
    ended = run(*arguments)
    assert ended.status == 1
    assert says in ended.err.replace("\n", " ")
    assert "Traceback" not in ended.err


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_html_is_one_file_with_the_pictures_in_it(run: Run, shop: Path, tmp_path: Path) -> None:
    page = tmp_path / "found.html"
    assert run("search", "red", "-c", "shop", "-n", "3", "--html", page).status == 0
    tags = _Tags()
    tags.feed(page.read_text())
    pictures = [attrs["src"] or "" for tag, attrs in tags.tags if tag == "img"]
    assert len(pictures) == 3
    assert all(source.startswith("data:image/jpeg;base64,") for source in pictures)
    assert page.read_text().count('class="score"') == 3
    assert not re.search(r"https?://", page.read_text())


def test_what_a_catalogue_says_can_neither_be_markup_nor_move_the_cursor() -> None:
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
    hit = Hit(evil, 0.5, Item(evil, title=evil, attributes={"<b>": evil}))
    tags = _Tags()
    tags.feed(results_page(evil, [Shown(hit, b"x"), Shown(hit, None)]))
    names = [tag for tag, _ in tags.tags]
    assert "script" not in names
    assert "b" not in names
    assert names.count("img") == 1
    assert not [attrs for _, attrs in tags.tags if "onerror" in attrs]
    assert plain("\x1b[2Jblue\n[red]\x9b1m") == "[2Jblue[red]1m"


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("colour=blue", Equal("colour", "blue")),
        (" colour = dark blue ", Equal("colour", "dark blue")),
        ("colour=red,blue", AnyOf("colour", ("red", "blue"))),
        ('name="a, b"', Equal("name", "a, b")),
        ('name="say \\"hi\\"",c', AnyOf("name", ('say "hi"', "c"))),
        ("colour!=blue", Not(Equal("colour", "blue"))),
        ("price<=50", Between("price", lte="50")),
        ("price>5", Between("price", gt="5")),
        ("added>=2024-05-01", Between("added", gte="2024-05-01")),
        ("has size", Exists("size")),
        ("not has size", Not(Exists("size"))),
        ("not pattern=striped", Not(Equal("pattern", "striped"))),
        ("notes=x", Equal("notes", "x")),
        ('{"or": [{"a": 1}, {"b": 2}]}', Or((Equal("a", 1), Equal("b", 2)))),
    ],
)
def test_conditions_as_people_type_them(text: str, means: Filter) -> None:
    assert parse_conditions([text]) == means


def test_index_settings_as_people_type_them() -> None:
    before = IndexSettings(m=32)
    after = settings_of_texts(before, ["quantization=scalar", "attributes=a,b"])
    assert (after.m, after.quantization, after.attributes) == (32, "scalar", ("a", "b"))
    assert settings_of_texts(after, ["attributes=default"]).attributes is None
    for wrong in ("m", "m=x", "m=1", "what=1", "quantization=int4"):
        with pytest.raises(SettingInvalid):
            settings_of_texts(before, [wrong])


def test_several_conditions_must_all_hold_and_wrong_ones_are_refused() -> None:
    assert parse_conditions([]) is None
    assert parse_conditions(["a=1", "b=2"]) == And((Equal("a", "1"), Equal("b", "2")))
    for wrong in ("colour", "=x", "a=", "a=x,", "price<1,2", "{", 'a="x', "not"):
        with pytest.raises(FilterInvalid):
            parse_conditions([wrong])


def test_without_a_terminal_there_is_a_plain_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        plain_line("indexing", 1200, 5000, 12) == "indexing: 1,200 of 5,000 (24%), 100/s, 38 s left"
    )
    assert plain_line("indexing", 1200, None, 12) == "indexing: 1,200, 100/s"
    assert plain_line("indexing", 10, 72_010, 1).endswith("2.0 h left")
    monkeypatch.setattr(watching, "PLAIN_EVERY", 0.02)
    with watching.progress("indexing") as watch:
        for done in range(1, 1001):
            watch(done, 1000, "3 failed")
            time.sleep(0.0001)
    lines = capsys.readouterr().err.splitlines()
    assert 1 <= len(lines) < 30
    assert all(re.fullmatch(r"indexing: .* of 1,000 \(\d+%\), .*/s.*, 3 failed", x) for x in lines)


def child(data: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.cli.catalogue_child", *map(str, arguments)],
        env={**os.environ, "LOOKALIKE_DATA": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_ctrl_c_ends_cleanly_and_a_second_process_is_told_who_has_the_folder(
    run: Run, tmp_path: Path
) -> None:
    feed = make_shop(tmp_path, 600)
    data = tmp_path / "data"
    first = child(data, "index", feed, "-c", "shop")
    deadline = time.monotonic() + 30
    while not list((data / "thumbnails" / "shop").glob("*/*.jpg")):  # it is in the middle
        assert time.monotonic() < deadline
        assert first.poll() is None
        time.sleep(0.02)

    locked = run("search", "red", "-c", "shop")
    assert locked.status == 1
    said = locked.err.replace("\n", " ")
    assert f"process {first.pid}" in said
    assert "--url" in said

    first.send_signal(signal.SIGINT)
    out, err = first.communicate(timeout=30)
    assert first.returncode == 130, err
    assert "Traceback" not in err
    assert "stopped before the end" in out
    added = int(re.search(r"shop: (\d+) added", out)[1])
    assert 0 < added < 600

    rest = run("index", feed, "-c", "shop", "--json")
    assert rest.status == 0
    assert (rest.json["added"], rest.json["unchanged"]) == (600 - added, added)
