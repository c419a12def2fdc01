"""`lookalike collections ...`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from lookalike.catalog.conditions import parse_conditions
from lookalike.catalog.items import Item
from lookalike.catalog.reindex import Moved
from lookalike.catalog.wire import facts_json, item_json, settings_of_texts
from lookalike.cli.catalogue import options
from lookalike.cli.catalogue.opening import open_catalog
from lookalike.cli.catalogue.tables import (
    COLLECTIONS,
    ITEMS,
    collection_rows,
    fact_lines,
    item_rows,
)
from lookalike.cli.catalogue.watching import progress, stopping
from lookalike.cli.console import note, print_json, print_table
from lookalike.cli.options import JsonOption, ModelOption

LIST_EXAMPLES = ["lookalike collections list"]
SHOW_EXAMPLES = ["lookalike collections show shop"]
ITEMS_EXAMPLES = ["lookalike collections items shop --filter colour=blue --limit 50"]
CONFIGURE_EXAMPLES = ["lookalike collections configure shop quantization=scalar ef=200"]
DROP_EXAMPLES = ["lookalike collections drop old --yes"]
EXPORT_EXAMPLES = ["lookalike collections export shop shop.parquet"]
IMPORT_EXAMPLES = ["lookalike collections import shop shop.parquet"]
REINDEX_EXAMPLES = ["lookalike collections reindex shop --model ViT-L-14"]
SNAPSHOT_EXAMPLES = ["lookalike collections snapshot shop shop.snapshot"]
RESTORE_EXAMPLES = ["lookalike collections restore shop shop.snapshot"]

PAGE = 100
"""Items asked for at once."""

Name = Annotated[str, typer.Argument(help="The collection.", metavar="NAME")]


def list_collections(
    data: options.Data = None, url: options.Url = None, as_json: JsonOption = False
) -> None:
    """List all collections."""
    with open_catalog(data, url) as catalog:
        found = catalog.collections()
    if as_json:
        print_json([facts_json(facts) for facts in found])
    elif found:
        print_table(COLLECTIONS, collection_rows(found))
    else:
        note("no collections yet; make one with: lookalike index SOURCE --collection NAME")


def show_collection(
    name: Name,
    data: options.Data = None,
    url: options.Url = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is known of a collection."""
    with open_catalog(data, url) as catalog:
        facts = catalog.facts(name)
    if as_json:
        print_json(facts_json(facts))
    else:
        typer.echo("\n".join(fact_lines(facts)))


def list_items(
    name: Name,
    filters: options.Filters = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="How many items.", min=1)] = 20,
    data: options.Data = None,
    url: options.Url = None,
    as_json: JsonOption = False,
) -> None:
    """List items, in an order of the store's own that stays."""
    condition = parse_conditions(filters or ())
    found: list[Item] = []
    after: str | None = None
    with open_catalog(data, url) as catalog:
        while len(found) < limit:
            count = min(limit - len(found), PAGE)
            page = catalog.items(name, filter=condition, after=after, limit=count)
            found += page.items
            after = page.next
            if after is None:
                break
    if as_json:
        print_json([item_json(item) for item in found])
    elif found:
        print_table(ITEMS, item_rows(found))
        if after is not None:
            note(f"there are more than these {len(found):,}; --limit shows more")
    else:
        note("nothing passes the filter" if filters else f"{name} is empty")


def configure_collection(
    name: Name,
    settings: Annotated[
        list[str], typer.Argument(help="m=32, quantization=scalar, ...", metavar="NAME=VALUE...")
    ],
    data: options.Data = None,
    url: options.Url = None,
) -> None:
    """Change how a collection is indexed. What changes the index itself begins a new one."""
    with open_catalog(data, url) as catalog:
        before = catalog.facts(name).settings
        facts = catalog.configure(name, settings_of_texts(before, settings))
        catalog.build_index(name)
    typer.echo(", ".join(f"{k}={v}" for k, v in facts.settings.model_dump().items()))


def drop_collection(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    data: options.Data = None,
    url: options.Url = None,
) -> None:
    """Remove a collection with all that is in it, thumbnails too."""
    with open_catalog(data, url) as catalog:
        items = catalog.facts(name).items
        if not yes:
            typer.confirm(f"remove {name} with its {items:,} items?", abort=True)
        catalog.drop(name)
    typer.echo(f"{name} is removed")


def export_collection(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The Parquet file to write.")],
    data: options.Data = None,
    url: options.Url = None,
) -> None:
    """Write ids, vectors and everything else to a Parquet file that other programs read."""
    with open_catalog(data, url) as catalog, stopping() as stop:
        total = catalog.facts(name).items
        with progress("exporting") as watch:
            done = catalog.export(name, file, observer=lambda n: watch(n, total, ""), stop=stop)
        if stop.is_set():
            raise typer.Exit(130)
    typer.echo(f"{done:,} items of {name} are in {file}")


def import_collection(
    name: Name,
    file: Annotated[Path, typer.Argument(help="A Parquet file that export wrote.")],
    data: options.Data = None,
    url: options.Url = None,
) -> None:
    """Take an export in. It can be repeated."""
    with open_catalog(data, url) as catalog, stopping() as stop:
        with progress("importing") as watch:
            done = catalog.import_(name, file, observer=lambda n: watch(n, None, ""), stop=stop)
        if stop.is_set():
            raise typer.Exit(130)
        catalog.build_index(name)
    typer.echo(f"{done:,} items are in {name}")


def reindex_collection(
    name: Name,
    model: ModelOption = None,
    allow_urls: options.AllowUrls = False,
    skip_failed: Annotated[
        bool, typer.Option("--skip-failed", help="Leave behind what can't be encoded any more.")
    ] = False,
    language: Annotated[
        str | None,
        typer.Option(
            help="Of BM25's stemming and stop words, or none: fixed otherwise.", metavar="NAME"
        ),
    ] = None,
    report: options.Report = None,
    data: options.Data = None,
    url: options.Url = None,
) -> None:
    """Move a collection to another model, while it goes on being searched with the old one."""
    with open_catalog(data, url, model) as catalog, stopping() as stop:
        settings = None
        if language is not None:
            settings = settings_of_texts(catalog.facts(name).settings, [f"language={language}"])
        with progress("reindexing") as watch:
            moved = catalog.reindex(
                name,
                settings=settings,
                allow_urls=allow_urls,
                skip_failed=skip_failed,
                observer=lambda m: watch(m.done, m.items, _failures(m)),
                stop=stop,
                report=report,
            )
        now = catalog.facts(name)
    if not moved.swapped:
        typer.echo(f"stopped; {name} is as it was, and the same command goes on from here")
        raise typer.Exit(130)
    typer.echo(
        f"{name} is now of {now.model}: {now.items:,} items in {moved.seconds:,.1f} s"
        + (f", {moved.from_thumbnails:,} from thumbnails" if moved.from_thumbnails else "")
        + (f", {moved.failed:,} left behind" if moved.failed else "")
    )
    if moved.report:
        typer.echo(f"what failed, and why: {moved.report}")


def snapshot_collection(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    data: options.Data = None,
    url: options.Url = None,
) -> None:
    """Save a collection to one file, index included. Thumbnails are not in it."""
    with open_catalog(data, url) as catalog:
        done = catalog.snapshot(name, file)
    typer.echo(f"{done:,} items of {name} are in {file}")


def restore_collection(
    name: Name,
    file: Annotated[Path, typer.Argument(help="A file that snapshot wrote.")],
    data: options.Data = None,
    url: options.Url = None,
) -> None:
    """Make a new collection from a snapshot."""
    with open_catalog(data, url) as catalog:
        facts = catalog.restore(name, file)
    typer.echo(f"{name} is there with {facts.items:,} items")


def _failures(moved: Moved) -> str:
    return f"{moved.failed:,} failed" if moved.failed else ""


COMMANDS: tuple[tuple[str, Callable[..., None], list[str]], ...] = (
    ("list", list_collections, LIST_EXAMPLES),
    ("show", show_collection, SHOW_EXAMPLES),
    ("items", list_items, ITEMS_EXAMPLES),
    ("configure", configure_collection, CONFIGURE_EXAMPLES),
    ("drop", drop_collection, DROP_EXAMPLES),
    ("export", export_collection, EXPORT_EXAMPLES),
    ("import", import_collection, IMPORT_EXAMPLES),
    ("reindex", reindex_collection, REINDEX_EXAMPLES),
    ("snapshot", snapshot_collection, SNAPSHOT_EXAMPLES),
    ("restore", restore_collection, RESTORE_EXAMPLES),
)
"""The commands of the group, by name, with their examples."""
