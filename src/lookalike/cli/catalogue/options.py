"""Options that several commands of the catalogue have."""

from pathlib import Path
from typing import Annotated

import typer

Collection = Annotated[
    str, typer.Option("--collection", "-c", help="The collection.", metavar="NAME")
]
Data = Annotated[
    Path | None,
    typer.Option(help="Where catalogues live. [default: LOOKALIKE_DATA]", metavar="FOLDER"),
]
Url = Annotated[
    str | None,
    typer.Option(
        help="Go through the service that runs there, instead of opening the catalogue.",
        metavar="URL",
    ),
]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        "-f",
        help="Only items with: colour=blue, colour=red,blue, price<=50, has size, not ..., or JSON. "
        "Several must all hold.",
        metavar="CONDITION",
    ),
]
AllowUrls = Annotated[
    bool, typer.Option("--allow-urls", help="Fetch pictures from the web, public addresses only.")
]
Report = Annotated[
    Path | None,
    typer.Option(
        help="Where failures are named, a line of JSON each. [default: in the data folder]",
        metavar="FILE",
    ),
]
Limit = Annotated[int, typer.Option("--limit", "-n", help="How many hits.", min=1)]
Offset = Annotated[int, typer.Option(help="Hits to pass over first.", min=0)]
