"""`lookalike doctor`: is everything well here, and if not, what to do."""

from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from lookalike.cli import console
from lookalike.cli.examples import epilog
from lookalike.cli.options import DeviceOption, JsonOption, ModelOption, PrecisionOption
from lookalike.settings import load_settings

EXAMPLES = (
    "lookalike doctor",
    "lookalike doctor --model ViT-L-14",
    "docker compose exec lookalike lookalike doctor --json",
)
_STYLES = {"ok": "green", "warning": "yellow", "broken": "bold red"}


def register(app: typer.Typer) -> None:
    app.command(epilog=epilog(EXAMPLES))(doctor)


def doctor(
    model: ModelOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at this machine as a support engineer would, and say what to do.

    Versions, processor, cores and memory, disk, models, hub, store, port, and a timed inference. Exit status 1
    if something is broken; a warning is none. Nothing is changed and nothing is downloaded. The JSON holds
    paths and versions but no keys: it can be sent to whoever helps.
    """
    from lookalike.diagnosis import examine  # brings the catalogue and the runtimes

    given: dict[str, Any] = {"model_name": model, "model_device": device, "precision": precision}
    chosen = {name: value for name, value in given.items() if value is not None}
    settings = load_settings().model_copy(update=chosen)
    found = []
    for name, finding in examine(settings):
        found.append((name, finding))
        if not as_json:
            _show(name, finding.state, finding.text, finding.advice)
    broken = any(finding.state == "broken" for _, finding in found)
    if as_json:
        report = [
            {
                "check": name,
                "state": str(finding.state),
                "text": finding.text,
                "advice": finding.advice,
                "facts": finding.facts,
            }
            for name, finding in found
        ]
        console.print_json({"well": not broken, "findings": report})
    if broken:
        raise typer.Exit(1)


def _show(name: str, state: str, text: str, advice: str | None) -> None:
    style = _STYLES[state]
    line = Text.assemble((f"{state:<8}", style), (f"{name:<13}", "bold"), text)
    out = Console(highlight=False, soft_wrap=True)
    out.print(line)
    if advice:
        out.print(Text.assemble(" " * 21, ("-> ", "bold cyan"), advice))
