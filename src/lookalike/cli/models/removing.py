"""`lookalike models remove` and `prune`."""

from typing import Annotated

import typer

from lookalike.cli import console
from lookalike.cli.models.arguments import NameArgument
from lookalike.cli.options import JsonOption
from lookalike.errors import SettingInvalid
from lookalike.models.inventory import shelves
from lookalike.models.shelf import folder_size
from lookalike.models.store import ModelStore
from lookalike.settings import load_settings

REMOVE_EXAMPLES = ("lookalike models remove hf:patrickjohncyh/fashion-clip",)
PRUNE_EXAMPLES = ("lookalike models prune --dry-run", "lookalike models prune")


def remove(
    name: NameArgument,
    forget: Annotated[
        bool,
        typer.Option(
            "--forget",
            help="Forget its hashes too; else the same model is held against them if it comes back.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a model and its earlier versions from this machine.

    A model that a running process serves from is not removed.
    """
    store = _store()
    if store.folder_of(name) is not None:
        raise SettingInvalid("NAME", f"{name} is not in the cache, so it is not removed")
    shelf = store.shelf(name)
    with shelf.exclusive():
        size = shelf.remove(forget=forget)
    if as_json:
        console.print_json({"name": name, "bytes": size})
    else:
        console.note(f"{name} is removed; {size / 1e6:,.0f} MB are free again")


def prune(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be removed.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove earlier versions of models, and what interrupted downloads have left.

    After it there is nothing that rollback could return to. What a running process serves from stays.
    """
    removed = []
    for shelf in shelves(_store()):
        with shelf.exclusive():
            for part in shelf.superseded():
                size = folder_size(shelf.folder / part)
                removed.append({"model": shelf.reference.name, "part": part, "bytes": size})
            if not dry_run:
                shelf.prune()
    if as_json:
        console.print_json({"removed": removed, "dry_run": dry_run})
        return
    for entry in removed:
        console.note(f"{entry['model']}: {entry['part']}")
    total = sum(int(str(entry["bytes"])) for entry in removed)
    console.note(f"{total / 1e6:,.0f} MB {'would be' if dry_run else 'are'} free again")


def _store() -> ModelStore:
    return ModelStore(load_settings().home, offline=True)


COMMANDS = (
    ("remove", remove, REMOVE_EXAMPLES),
    ("prune", prune, PRUNE_EXAMPLES),
)
"""Name, function and examples of each."""
