"""`lookalike models pull`, `update` and `rollback`."""

import typer

from lookalike.cli import console
from lookalike.cli.models.arguments import NameArgument, UncheckedOption
from lookalike.cli.models.progress import shown
from lookalike.cli.options import JsonOption
from lookalike.encoder.golden import store_of
from lookalike.models.store import BUILT_IN, Pulled
from lookalike.settings import load_settings

PULL_EXAMPLES = (
    "lookalike models pull ViT-B-32",
    "lookalike models pull ViT-B-16/datacomp_xl_s13b_b90k",
    "lookalike models pull hf:patrickjohncyh/fashion-clip@main",
)
UPDATE_EXAMPLES = ("lookalike models update hf:patrickjohncyh/fashion-clip",)
ROLLBACK_EXAMPLES = ("lookalike models rollback hf:patrickjohncyh/fashion-clip",)


def pull(
    name: NameArgument, unchecked: UncheckedOption = False, as_json: JsonOption = False
) -> None:
    """Bring a model to this machine: download, convert, check. Once it is here this does nothing.

    A pull that was cut off goes on where it stopped. HF_ENDPOINT, HF_TOKEN, HTTPS_PROXY and what else the hub's
    client knows are obeyed. A model that was here before comes back as the same commit; use update for a newer
    one. If the model on this machine is damaged, this mends it.
    """
    if name == BUILT_IN:
        console.note(f"{BUILT_IN} comes inside the package; there is nothing to pull")
        raise typer.Exit
    with shown() as progress:
        pulled = store_of(load_settings()).pull(name, progress, checked=not unchecked)
    _tell(name, pulled, as_json, "is here already" if not pulled.downloaded else "is here now")


def update(
    name: NameArgument, unchecked: UncheckedOption = False, as_json: JsonOption = False
) -> None:
    """Bring the newest commit of a model, or the one that this version of Lookalike knows to be good.

    The version that served before stays, and rollback returns to it. If anything fails it goes on to serve. A
    running service keeps the model that it has loaded until it is restarted.
    """
    with shown() as progress:
        pulled = store_of(load_settings()).update(name, progress, checked=not unchecked)
    _tell(name, pulled, as_json, "is up to date" if not pulled.changed else "is updated")


def rollback(name: NameArgument, as_json: JsonOption = False) -> None:
    """Return to the version that served before the last update or import.

    Its files are all hashed first. A running service keeps the model that it has loaded until it is restarted.
    """
    shelf = store_of(load_settings()).shelf(name)
    with shelf.exclusive():
        version = shelf.rollback()
    if as_json:
        console.print_json({"name": name, "version": version})
    else:
        console.note(f"{name} is version {version} again")


def _tell(name: str, pulled: Pulled, as_json: bool, outcome: str) -> None:
    if as_json:
        console.print_json(
            {
                "name": name,
                "version": pulled.version,
                "changed": pulled.changed,
                "downloaded": pulled.downloaded,
                "folder": str(pulled.bundle.path),
            }
        )
    else:
        console.note(f"{name} {outcome}: version {pulled.version} in {pulled.bundle.path}")


COMMANDS = (
    ("pull", pull, PULL_EXAMPLES),
    ("update", update, UPDATE_EXAMPLES),
    ("rollback", rollback, ROLLBACK_EXAMPLES),
)
"""Name, function and examples of each."""
