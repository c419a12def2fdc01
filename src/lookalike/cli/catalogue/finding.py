"""`lookalike search`, `recommend` and `duplicates`."""

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lookalike.catalog.conditions import parse_conditions
from lookalike.catalog.pictures import FilePicture, PictureReader
from lookalike.catalog.queries import Query, QueryPart
from lookalike.catalog.store import FacetValue, Hit, Recommend
from lookalike.catalog.wire import hit_json
from lookalike.cli.catalogue import options
from lookalike.cli.catalogue.opening import AnyCatalog, open_catalog
from lookalike.cli.catalogue.page import Shown, results_page, write_page
from lookalike.cli.catalogue.tables import HITS, facet_rows, hit_rows
from lookalike.cli.catalogue.watching import stopping
from lookalike.cli.console import note, print_json, print_table
from lookalike.cli.options import JsonOption, ModelOption
from lookalike.errors import QueryInvalid

SEARCH_EXAMPLES = [
    "lookalike search 'red dress' --filter 'price<=50' -c shop",
    "lookalike search --image dress.jpg --part 'text=blue*0.5' --part 'text=striped*-0.5'",
    "lookalike search 'rye bread' --target hybrid --html found.html",
]
RECOMMEND_EXAMPLES = ["lookalike recommend sku-12 sku-40 --not sku-7 -c shop"]
DUPLICATES_EXAMPLES = ["lookalike duplicates -c shop --threshold 0.98"]

_PART = re.compile(r"(text|image|item)=(.*?)(?:\*([+-]?\d+(?:\.\d*)?))?", re.DOTALL)

Html = Annotated[
    Path | None,
    typer.Option(help="Write a page with the pictures, which any browser opens.", metavar="FILE"),
]


class TargetChoice(StrEnum):
    """What a query is compared with."""

    IMAGE = "image"
    TEXT = "text"
    HYBRID = "hybrid"


class VectorChoice(StrEnum):
    """Which vectors are compared."""

    IMAGE = "image"
    TEXT = "text"


def search(
    words: Annotated[list[str] | None, typer.Argument(help="Words to search by.")] = None,
    collection: options.Collection = "default",
    image: Annotated[
        list[Path] | None, typer.Option(help="A picture to search by.", metavar="FILE")
    ] = None,
    item: Annotated[
        list[str] | None, typer.Option(help="An item to search by.", metavar="ID")
    ] = None,
    part: Annotated[
        list[str] | None,
        typer.Option(
            help="A part with a weight: text=blue*0.5, image=a.jpg, item=sku-1*2, text=striped*-1.",
            metavar="PART",
        ),
    ] = None,
    target: Annotated[
        TargetChoice, typer.Option(help="Find by pictures, by descriptions, or by both and words.")
    ] = TargetChoice.IMAGE,
    limit: options.Limit = 10,
    offset: options.Offset = 0,
    filters: options.Filters = None,
    diversity: Annotated[
        float, typer.Option(help="0 to 1: trade likeness for variety.", min=0, max=1)
    ] = 0.0,
    threshold: Annotated[
        float | None, typer.Option(help="Only hits with at least this cosine.")
    ] = None,
    facet: Annotated[
        list[str] | None,
        typer.Option(help="Count the values of an attribute, too.", metavar="ATTRIBUTE"),
    ] = None,
    html: Html = None,
    model: ModelOption = None,
    data: options.Data = None,
    url: options.Url = None,
    as_json: JsonOption = False,
) -> None:
    """Find items by words, pictures, items, or all of them together."""
    condition = parse_conditions(filters or ())
    query = Query(
        parts=_parts(words or [], image or [], item or [], part or []),
        target=target.value,
        limit=limit,
        offset=offset,
        filter=condition,
        diversity=diversity,
        threshold=threshold,
    )
    with open_catalog(data, url, model) as catalog:
        hits = catalog.search(collection, query)
        counts = {name: catalog.facet(collection, name, filter=condition) for name in facet or ()}
        title = " ".join([*(words or []), *map(str, image or []), *(item or []), *(part or [])])
        _show(catalog, collection, title, hits, counts, html, as_json)


def recommend(
    positive: Annotated[list[str], typer.Argument(help="Items that are liked.", metavar="ID...")],
    collection: options.Collection = "default",
    negative: Annotated[
        list[str] | None,
        typer.Option("--not", help="An item that is not liked.", metavar="ID"),
    ] = None,
    target: Annotated[VectorChoice, typer.Option(help="Alike in what.")] = VectorChoice.IMAGE,
    best: Annotated[
        bool, typer.Option("--best", help="For likes that differ much among themselves.")
    ] = False,
    limit: options.Limit = 10,
    offset: options.Offset = 0,
    filters: options.Filters = None,
    html: Html = None,
    data: options.Data = None,
    url: options.Url = None,
    as_json: JsonOption = False,
) -> None:
    """Find items like those that are liked, and unlike those that are not."""
    asked = Recommend(
        tuple(positive),
        tuple(negative or ()),
        target.value,
        "best" if best else "average",
        limit,
        offset,
        parse_conditions(filters or ()),
    )
    with open_catalog(data, url) as catalog:
        hits = catalog.recommend(collection, asked)
        _show(catalog, collection, "like " + ", ".join(positive), hits, {}, html, as_json)


def duplicates(
    collection: options.Collection = "default",
    threshold: Annotated[
        float, typer.Option(help="The cosine from which two items are duplicates.", min=-1, max=1)
    ] = 0.97,
    target: Annotated[VectorChoice, typer.Option(help="Alike in what.")] = VectorChoice.IMAGE,
    filters: options.Filters = None,
    data: options.Data = None,
    url: options.Url = None,
    as_json: JsonOption = False,
) -> None:
    """Find pairs of items that are nearly the same.

    They are printed as they are found: cosine, and both ids; with --json a line of JSON each.
    """
    pairs = 0
    with open_catalog(data, url) as catalog, stopping() as stop:
        found = catalog.duplicates(
            collection,
            threshold=threshold,
            target=target.value,
            filter=parse_conditions(filters or ()),
        )
        for pair in found:
            pairs += 1
            if as_json:
                ids = {"first": pair.first, "second": pair.second}
                typer.echo(json.dumps({**ids, "score": pair.score}))
            else:
                typer.echo(f"{pair.score:.4f}\t{pair.first}\t{pair.second}")
            if stop.is_set():
                raise typer.Exit(130)
    if not as_json:
        note(f"{pairs:,} pairs of at least {threshold}")


def _parts(
    words: list[str], images: list[Path], items: list[str], parts: list[str]
) -> tuple[QueryPart, ...]:
    made = [QueryPart(text=" ".join(words))] if words else []
    made += [QueryPart(image=_read(path)) for path in images]
    made += [QueryPart(item=one) for one in items]
    for text in parts:
        found = _PART.fullmatch(text)
        if found is None or not found[2]:
            raise QueryInvalid(
                f"{text!r} is not text=..., image=... or item=..., with *WEIGHT or not"
            )
        kind, value, weight = found[1], found[2], float(found[3] or 1)
        match kind:
            case "text":
                made.append(QueryPart(text=value, weight=weight))
            case "image":
                made.append(QueryPart(image=_read(Path(value)), weight=weight))
            case _:
                made.append(QueryPart(item=value, weight=weight))
    return tuple(made)


def _read(path: Path) -> bytes:
    return PictureReader(max_bytes=1 << 30).read(FilePicture(path))  # the encoder has its own limit


def _show(
    catalog: AnyCatalog,
    collection: str,
    title: str,
    hits: list[Hit],
    facets: dict[str, list[FacetValue]],
    html: Path | None,
    as_json: bool,
) -> None:
    if html is not None:
        shown = [Shown(hit, catalog.thumbnail(collection, hit.id)) for hit in hits]
        write_page(html, results_page(title, shown))
        note(f"{len(hits)} hits are on the page {html}")
    if as_json:
        counts = {
            name: [{"value": one.value, "count": one.count} for one in values]
            for name, values in facets.items()
        }
        print_json(
            {"hits": [hit_json(hit) for hit in hits], **({"facets": counts} if facets else {})}
        )
        return
    if html is None and hits:
        print_table(HITS, hit_rows(hits))
    elif html is None:
        note("nothing found")
    for name, values in facets.items():
        print_table({name: False, "items": True}, facet_rows(values))
