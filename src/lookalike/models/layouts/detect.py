"""Which layout a folder has."""

from collections.abc import Callable
from pathlib import Path

from lookalike.errors import CardInvalid
from lookalike.models.layouts import huggingface, openclip
from lookalike.models.layouts.description import ModelDescription

LAYOUTS: dict[str, Callable[[Path], ModelDescription]] = {
    openclip.CONFIG: openclip.describe,
    huggingface.CONFIG: huggingface.describe,
}
"""By the file that gives a layout away. OpenCLIP's comes first: its repositories may carry both."""


def describe(folder: Path) -> ModelDescription:
    """The model in a folder. Raises CardInvalid, also if it is in neither layout."""
    for config, reader in LAYOUTS.items():
        if (folder / config).exists():
            description = reader(folder)
            for path in (*description.weight_files, description.tokenizer_file):
                if not path.exists():
                    raise CardInvalid(folder, f"{path.name} is missing")
            return description
    raise CardInvalid(folder, f"neither {' nor '.join(LAYOUTS)} is here, so it is no CLIP model")
