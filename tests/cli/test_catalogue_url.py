"""The same commands on a catalogue of this machine and through `--url`: they say the same."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lookalike.models.bundle import Bundle
from lookalike.service.app import create_app
from tests.catalog.shop import make_shop, row, write_feed
from tests.cli.conftest import Command, Run
from tests.service.conftest import bundle, listening, loader, settings_of

__all__ = ["bundle"]  # a fixture of the service's tests

Both = Callable[..., tuple[Run, Run]]

_PATH = re.compile(r'("image": )"[^"]+"')
"""A path of this machine means nothing to a service, so its record has none: the one thing that differs."""

_SCORE = re.compile(r"\d\.\d{6,}")
"""In full: batches of another size differ in the seventh digit."""

_TIMES = re.compile(r"in [\d.,]+ s( \([\d,]+/s\))?|\"seconds\": [\d.]+|\d+(\.\d+)? MB")


def _rounded(found: re.Match[str]) -> str:
    return f"{float(found[0]):.4f}"


@pytest.fixture
def both(
    lookalike: Command, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Both]:
    """Runs a command on a catalogue here, and on one behind a service. `{}` in an argument is the name of a
    folder that each has for itself."""
    monkeypatch.setenv("MODEL_NAME", str(bundle.path))
    monkeypatch.setenv("LOOKALIKE_PRECISION", "fp32")
    monkeypatch.setenv("LOOKALIKE_THREADS", "1")
    folders = {name: tmp_path / name for name in ("here", "there")}
    for folder in folders.values():
        folder.mkdir()
    app = create_app(settings_of(tmp_path / "service"), loader(bundle))
    with listening(app) as url:

        def run(*arguments: object) -> tuple[Run, Run]:
            ended = []
            for name, folder in folders.items():
                monkeypatch.setenv("LOOKALIKE_DATA", str(folder / "data"))
                given = [str(one).replace("{}", str(folder)) for one in arguments]
                done = lookalike(*given, *(["--url", url] if name == "there" else []))
                texts = [_SCORE.sub(_rounded, text) for text in (done.out, done.err)]
                said = [
                    _TIMES.sub("", _PATH.sub(r"\1null", text.replace(str(folder), "")))
                    for text in texts
                ]
                ended.append(Run(done.status, *said))
            return ended[0], ended[1]

        yield run
    assert not (folders["there"] / "data" / "store").exists(), "it opened a catalogue of its own"


def test_every_command_says_the_same_here_and_through_a_service(both: Both, tmp_path: Path) -> None:
    def same(*arguments: object, status: int = 0) -> str:
        here, there = both(*arguments)
        assert here.status == there.status == status, (here, there)
        assert there.out == here.out
        assert there.err == here.err
        return here.out or here.err

    feed = make_shop(tmp_path, 12)
    assert "12 added" in same("index", feed, "-c", "shop")
    assert "12 unchanged" in same("index", feed, "-c", "shop")
    (tmp_path / "pictures" / "3.png").write_bytes(b"broken")
    write_feed(tmp_path, [row(n) for n in range(10)])
    pruned = same("index", feed, "-c", "shop", "--prune", "--json", status=1)
    assert '"pruned": 2' in pruned

    same(
        "search", "blue", "-c", "shop", "--json", "--facet", "colour", "--facet", "price", status=0
    )
    threshold = same("search", "--item", "sku-1", "-c", "shop", "--threshold", "0.99")
    assert "sku-7" in threshold
    assert "sku-2" not in threshold
    same("search", "n4", "-c", "shop", "--target", "hybrid", "-f", "colour!=red", "--offset", "1")
    same("recommend", "sku-1", "sku-2", "--not", "sku-4", "--best", "-c", "shop")
    same("recommend", "sku-1", "-c", "shop", "-n", "2", "--html", "{}/found.html")
    pages = [(tmp_path / name / "found.html").read_text() for name in ("here", "there")]
    assert pages[0] == pages[1]
    assert "data:image/jpeg" in pages[0]
    assert "sku-1" in same("duplicates", "-c", "shop", "--threshold", "0.99")
    same("duplicates", "-c", "shop", "--target", "text", "--threshold", "0.9", "--json")

    assert "more than these 2" in both("collections", "items", "shop", "--limit", "2")[0].err
    same("collections", "items", "shop", "--limit", "2")
    same("collections", "items", "shop", "--json")
    blue = same("collections", "items", "shop", "-f", "colour=blue")
    assert "colour=blue" in blue
    assert "colour=red" not in blue
    same("collections", "items", "nowhere", status=1)

    assert "10 items" in same("collections", "export", "shop", "{}/shop.parquet")
    assert "10 items" in same("collections", "import", "copy", "{}/shop.parquet")
    assert "10 items" in same("collections", "snapshot", "shop", "{}/shop.snapshot")
    assert "10 items" in same("collections", "restore", "third", "{}/shop.snapshot")
    same("search", "green", "-c", "copy")
    same("search", "green", "-c", "third")
    assert "ef=200" in same("collections", "configure", "shop", "ef=200", "attributes=colour")
    assert "10 items" in same("collections", "reindex", "third", "--language", "german")
    same("collections", "list")
    assert "removed" in same("collections", "drop", "copy", "--yes")

    same("search", "x", "-c", "nowhere", status=1)
    same("search", "x", "-c", "shop", "-f", "nothing=1", status=1)
    same("search", "x", "-c", "shop", "--facet", "nothing", status=1)
    same("recommend", "sku-99", "-c", "shop", status=1)
    same("duplicates", "-c", "nowhere", status=1)
    same("collections", "restore", "third", "{}/shop.snapshot", status=1)
    for group in ("export", "snapshot"):
        same("collections", group, "nowhere", "{}/none", status=1)
