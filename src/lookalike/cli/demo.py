"""`lookalike demo`: a catalogue to search, with no download and nothing to prepare."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from lookalike import sample
from lookalike.catalog.catalog import Catalog
from lookalike.catalog.ingest import IngestSummary
from lookalike.catalog.queries import Query, QueryPart
from lookalike.catalog.sources import Entry, FeedMapping, open_source
from lookalike.catalog.store import Hit
from lookalike.cli.catalogue.indexing import told
from lookalike.cli.catalogue.opening import open_catalog
from lookalike.cli.catalogue.page import Shown, results_page, write_page
from lookalike.cli.catalogue.tables import plain
from lookalike.cli.catalogue.watching import progress, stopping
from lookalike.cli.console import note, print_table, stdout_is_terminal
from lookalike.cli.examples import epilog
from lookalike.errors import SettingInvalid
from lookalike.models.store import BUILT_IN
from lookalike.settings import load_settings

EXAMPLES = ["lookalike demo", "lookalike demo --pictures ~/Pictures --words 'a red dress'"]
COLLECTION = "demo"
HITS_SHOWN = 5
FACTS = ("category", "colour", "price")
"""The attributes that the tables show, of those that the catalogue has."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the demo asks for: first these words, then a picture that they found, then it with `more`."""

    first: str
    more: str


SAMPLE_WORDS = Words("a red dress", "green")
OWN_WORDS = Words("something red", "blue")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=epilog(EXAMPLES))(demo)


def demo(
    pictures: Annotated[
        Path | None,
        typer.Option(help="Your own pictures instead of the sample catalogue.", metavar="FOLDER"),
    ] = None,
    words: Annotated[
        str | None, typer.Option(help="What to search for first.", metavar="TEXT")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Where the demo's catalogue is kept.", metavar="FOLDER")
    ] = None,
    serve: Annotated[
        bool | None,
        typer.Option(help="Start the service afterwards (by default on a terminal only)."),
    ] = None,
    port: Annotated[int, typer.Option(help="The service's port.", min=1, max=65535)] = 8000,
) -> None:
    """Index a sample catalogue and search it: by words, by a picture, by both.

    Uses the built-in model, so it needs no internet. Repeating it changes nothing.
    """
    if pictures is not None and not pictures.is_dir():
        raise SettingInvalid("--pictures", f"{pictures} is not a folder")
    folder = data or load_settings().data / "demo"
    asked = SAMPLE_WORDS if pictures is None else OWN_WORDS
    if words:
        asked = Words(words, asked.more)
    source = pictures or sample.feed()
    what = pictures or "the sample shop, drawn products that come with Lookalike,"
    typer.echo(f"Indexing {what} with the built-in model {BUILT_IN!r} ...")
    with open_catalog(folder, None, BUILT_IN) as catalog:
        assert isinstance(catalog, Catalog), "no --url was given"
        summary = _index(catalog, source)
        typer.echo(told(summary))
        if summary.stopped:
            raise typer.Exit(130)
        pages = _searches(catalog, asked, folder)
    typer.echo()
    for page in pages:
        typer.echo(f"the same with pictures: {page}")
    if serve or (serve is None and stdout_is_terminal()):
        _serve(folder, port)
    note(
        f"go on with: lookalike search 'a blue bag' --collection {COLLECTION} "
        f"--data {folder} --model {BUILT_IN}"
    )


def _index(catalog: Catalog, source: Path) -> IngestSummary:
    _renew(catalog, source)
    with stopping() as stop, progress("indexing") as watch:
        return catalog.index(
            COLLECTION,
            [open_source(source, FeedMapping())],
            observer=lambda tally: watch(tally.done, tally.total, ""),
            stop=stop,
        )


def _renew(catalog: Catalog, source: Path) -> None:
    """A demo of an earlier version may have vectors of another built-in model: make them anew.

    What the source will bring again is simply dropped. Where there is more, it is moved to the new model, and
    an item of which no picture is left ends that with an error, the old collection as it was.
    """
    there = [facts for facts in catalog.collections() if facts.name == COLLECTION]
    if not there or there[0].fingerprint == catalog.encoder.fingerprint:
        return
    note("the built-in model has changed since the last demo: all is indexed anew")
    coming = {one.item.id for one in open_source(source, FeedMapping()) if isinstance(one, Entry)}
    after: str | None = None
    while True:
        page = catalog.ids(COLLECTION, after=after, limit=1000)
        if not coming.issuperset(page.ids):
            catalog.reindex(COLLECTION)
            return
        after = page.next
        if after is None:
            catalog.drop(COLLECTION)
            return


def _searches(catalog: Catalog, asked: Words, folder: Path) -> list[Path]:
    """Show three searches, each on the terminal and as a page. Where the pages are."""
    pages: list[Path] = []

    def search(name: str, title: str, *parts: QueryPart) -> list[Hit]:
        hits = catalog.search(COLLECTION, Query(parts, limit=HITS_SHOWN))
        typer.echo(f"\n{title}")
        print_table(*_table(hits))
        page = folder / f"{name}.html"
        write_page(
            page,
            results_page(
                title, [Shown(hit, catalog.thumbnail(COLLECTION, hit.id)) for hit in hits]
            ),
        )
        pages.append(page)
        return hits

    found = search("words", f"Words: {asked.first}", QueryPart(text=asked.first))
    if not found:
        note("nothing is there to search")
        return pages
    first = found[0]
    search("picture", f"A picture: that of {_name(first)}", QueryPart(item=first.id))
    search(
        "both",
        f"Both: that picture, but {asked.more}",
        QueryPart(item=first.id),
        QueryPart(text=asked.more, weight=1.0),
    )
    return pages


def _name(hit: Hit) -> str:
    return plain(hit.item.title or hit.id)


def _table(hits: list[Hit]) -> tuple[dict[str, bool], list[list[str]]]:
    """Columns and rows that fit on a terminal: `lookalike search` shows all that is known."""
    facts = [fact for fact in FACTS if any(fact in hit.item.attributes for hit in hits)]
    columns = {"score": True, "found": False} | {fact: fact == "price" for fact in facts}
    return columns, [
        [
            f"{hit.score:.2f}",
            _name(hit),
            *(_fact(hit, fact) for fact in facts),
        ]
        for hit in hits
    ]


def _fact(hit: Hit, name: str) -> str:
    value = hit.item.attributes.get(name, "")
    return f"{value:.2f}" if isinstance(value, float) else plain(str(value))


def _serve(folder: Path, port: int) -> None:
    """Become `lookalike serve` on the demo's catalogue."""
    typer.echo(f"\nStarting the service: look at http://127.0.0.1:{port}/ (Ctrl-C ends it)")
    sys.stdout.flush()
    options = ["--model", BUILT_IN, "--data", str(folder), "--port", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", "lookalike", "serve", *options])  # noqa: S606
