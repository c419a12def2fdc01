"""`lookalike models export` and `import`: a model as one file."""

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli import console
from lookalike.cli.models.arguments import NameArgument, UncheckedOption
from lookalike.cli.models.progress import shown
from lookalike.cli.options import JsonOption
from lookalike.encoder.golden import store_of
from lookalike.errors import ArchiveInvalid, ModelNotInstalled, SettingInvalid
from lookalike.models.archive import pack
from lookalike.models.bundle import sha256
from lookalike.models.importing import import_model
from lookalike.models.registry import DEFAULT_LABEL
from lookalike.models.store import card_digest
from lookalike.settings import load_settings

EXPORT_EXAMPLES = ("lookalike models export ViT-B-32 vit-b-32.tar",)
IMPORT_EXAMPLES = (
    "lookalike models import vit-b-32.tar",
    "lookalike models import ./fashion-clip --name fashion",
    "lookalike models import ViT-B-32.pt --tokenizer bpe_simple_vocab_16e6.txt.gz",
)


def export(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The archive to write.")],
    as_json: JsonOption = False,
) -> None:
    """Write a model of this machine into one file, to carry it where there is no internet.

    The archive holds the converted model with all its hashes, and import believes nothing that they don't
    confirm. Its own sha256 is printed: give it to import, by another way, and nobody can have exchanged the
    file.
    """
    store = store_of(load_settings())
    if not file.parent.is_dir():
        raise SettingInvalid("FILE", f"there is no folder {file.parent}")
    bundle = store.find(name)
    if bundle is None:
        raise ModelNotInstalled(name)
    if store.folder_of(name) is None:
        reference = store.shelf(name).reference
        known, label, version = reference.name, reference.label, bundle.path.name
    else:
        known, label = bundle.card.name, DEFAULT_LABEL
        version = bundle.card.source.revision or f"import-{card_digest(bundle.card)}"
    with shown() as progress:
        pack(bundle, file, name=known, label=label, version=version, progress=progress)
        digest = sha256(file)
    if as_json:
        size = file.stat().st_size
        console.print_json({"file": str(file), "name": known, "bytes": size, "sha256": digest})
    else:
        console.note(f"{file}: {file.stat().st_size / 1e6:,.0f} MB, sha256 {digest}")


def import_(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="An archive of [bold]lookalike models export[/bold]; a folder in OpenCLIP's or Hugging "
            "Face's layout, or its safetensors file; a bundle; or one of OpenAI's .pt files.",
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="What to call it here: any name of letters and digits, or a known one in whose place it "
            "shall serve. Archives and OpenAI's files bring theirs.",
        ),
    ] = None,
    digest: Annotated[
        str | None,
        typer.Option("--sha256", metavar="HASH", help="What the file's sha256 must be."),
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="For OpenAI's .pt files, which come without: tokenizer.json, or "
            "bpe_simple_vocab_16e6.txt.gz. One that lies beside the file is found.",
        ),
    ] = None,
    unchecked: UncheckedOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take a model from a file or folder, in the place of a download.

    OpenAI's .pt files need PyTorch (the extra torch), and only those are read whose sha256 OpenAI has
    published. What served under the name before stays, and rollback returns to it.
    """
    if digest is not None:
        if not path.is_file():
            raise SettingInvalid("--sha256", f"{path} is no file")
        if (found := sha256(path)) != digest.lower():
            raise ArchiveInvalid(path, f"its sha256 is {found}, not the one that was given")
    with shown() as progress:
        imported = import_model(
            store_of(load_settings()),
            path,
            name=name,
            tokenizer=tokenizer,
            progress=progress,
            checked=not unchecked,
        )
    if as_json:
        console.print_json(
            {
                "name": imported.name,
                "version": imported.version,
                "folder": str(imported.bundle.path),
            }
        )
    else:
        console.note(
            f"{imported.name} is here now: version {imported.version}. Use it with --model {imported.name}"
        )


COMMANDS = (
    ("export", export, EXPORT_EXAMPLES),
    ("import", import_, IMPORT_EXAMPLES),
)
"""Name, function and examples of each."""
