"""`lookalike models list` and `show`: what models there are, and what is known of one."""

from typing import Annotated, Any

import typer

from lookalike.cli import console
from lookalike.cli.models.facts import QUANTIZATION, listed, shown
from lookalike.cli.models.quantize import print_report
from lookalike.cli.options import JsonOption
from lookalike.evaluation.quantization.report import Report

LIST_EXAMPLES = ("lookalike models list", "lookalike models list --json")
SHOW_EXAMPLES = ("lookalike models show ViT-B-32", "lookalike models show tiny --json")


def list_models(as_json: JsonOption = False) -> None:
    """List the models that have a name here, and all that are on this machine.

    The tag openai may be left out of a name. Any repository in OpenCLIP's or Hugging Face's CLIP layout can
    be used too, as hf:owner/repo. VERIFIED is when all hashes were last found right. STATE is serves, in use
    (a running process has it loaded), previous (rollback returns to it), unused (prune removes it) or damaged.
    """
    models = listed()
    if as_json:
        console.print_json(models)
        return
    columns = {
        "MODEL": False,
        "DIMENSION": True,
        "PICTURE": True,
        "PARAMETERS": True,
        "ON DISK": True,
        "FROM": False,
        "VERIFIED": False,
        "STATE": False,
    }
    console.print_table(columns, [_row(model) for model in models])
    for model in models:
        if model.get("problem"):
            console.note(f"{model['name']}: {model['problem']}")


def _row(model: dict[str, Any]) -> list[str]:
    parameters = model.get("parameters")
    row = [
        model["name"],
        str(model["dimension"] or "?"),
        str(model["image_size"] or "?"),
        f"{parameters / 1e6:,.0f} M" if parameters else "?",
    ]
    if not model["cached"]:
        return [*row, "-", "-", "-", "not here"]
    if "version" not in model:
        return [*row, "-", "the package", "-", "serves"]
    state = "in use" if model["in_use"] else model["state"]
    return [
        *row,
        f"{model['bytes'] / 1e6:,.0f} MB",
        f"{model['repository'] or model['origin']}@{model['version'].removeprefix('import-')[:12]}",
        (model["verified"] or "never")[:10],
        "damaged" if model["problem"] else state,
    ]


def show_model(
    name: Annotated[
        str, typer.Argument(help="A name of the list, hf:owner/repo, or a bundle's folder.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Show a model's card: its towers, what they take, and where the weights came from.

    With --json, the hashes of all its files too. Of a model that is not on this machine, what the list knows
    is shown; nothing is downloaded. Of one that `models quantize` has calibrated, the report is shown too.
    """
    facts = shown(name)
    if as_json:
        console.print_json(facts)
        return
    report = facts.pop(QUANTIZATION, None)
    console.print_facts(_readable(facts))
    if report is not None:
        typer.echo(f"\n{QUANTIZATION}:")
        print_report(Report.model_validate(report))


def _readable(facts: dict[str, Any]) -> dict[str, str]:
    """One line for each fact, with the nested ones on lines of their own. Without the files' hashes."""
    lines: dict[str, str] = {}
    for name, value in facts.items():
        if name in {"format", "files"} or value is None:
            continue
        if isinstance(value, dict):
            lines |= {f"{name}.{inner}": line for inner, line in _readable(value).items()}
        elif isinstance(value, list | tuple):
            lines[name] = ", ".join(map(str, value))
        elif isinstance(value, bool):
            lines[name] = "yes" if value else "no"
        else:
            lines[name] = f"{value:,}" if isinstance(value, int) and value >= 10_000 else str(value)
    return lines


COMMANDS = (
    ("list", list_models, LIST_EXAMPLES),
    ("show", show_model, SHOW_EXAMPLES),
)
"""Name, function and examples of each."""
