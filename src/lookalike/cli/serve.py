"""`lookalike serve`: the HTTP service."""

from pathlib import Path
from typing import Annotated, Any

import typer

from lookalike.cli.examples import epilog
from lookalike.cli.options import DeviceOption, ModelOption, PrecisionOption
from lookalike.settings import load_settings

EXAMPLES = (
    "lookalike serve",
    "lookalike serve --model ViT-L-14 --port 9000",
    "LOOKALIKE_API_KEYS=read:a-long-secret,another-secret lookalike serve --host 0.0.0.0",
)


def register(app: typer.Typer) -> None:
    app.command(epilog=epilog(EXAMPLES))(serve)


def serve(
    host: Annotated[
        str | None,
        typer.Option(
            help="The address to serve on. Default: loopback, or all addresses if there are API keys."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Default: $LOOKALIKE_PORT, else 8000.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where catalogues live. Default: $LOOKALIKE_DATA."),
    ] = None,
    model: ModelOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
) -> None:
    """Serve embeddings, collections and search over HTTP.

    Stops with SIGTERM or Ctrl-C, after it has finished what it accepted.
    """
    # Loaded only now, for the help needs none of it: this brings the web framework and the runtimes.
    from lookalike.service.server import serve as serve_forever

    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "data": data,
        "model_name": model,
        "model_device": device,
        "precision": precision,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    serve_forever(load_settings().model_copy(update=chosen))
