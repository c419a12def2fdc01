import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lookalike.models.bundle import Bundle
from lookalike.models.convert import convert

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
NAMES = sorted(path.parent.name for path in GOLDEN.glob("*/golden.npz"))


@dataclass(frozen=True)
class Golden:
    """A small model, converted, and what the reference implementation makes of some input."""

    folder: Path
    bundle: Bundle
    pixels: NDArray[np.uint8]
    ids: NDArray[np.int64]
    image: NDArray[np.float32]
    text: NDArray[np.float32]


@pytest.fixture(scope="session", params=NAMES)
def golden(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Golden:
    folder = GOLDEN / request.param
    bundle = convert(
        folder,
        tmp_path_factory.mktemp("bundles") / request.param,
        name=request.param,
        precisions=("fp32", "bf16", "fp16", "int8"),
    )
    return Golden(folder, bundle, **dict(np.load(folder / "golden.npz")))


@pytest.fixture
def edit_config(tmp_path: Path):
    """A function that copies a golden model and changes its configuration or weights."""

    def edit(name: str, change=None, weights=None) -> Path:
        from safetensors.numpy import load_file, save_file

        folder = tmp_path / name
        folder.mkdir()
        for path in (GOLDEN / name).iterdir():
            if path.name != "golden.npz":
                (folder / path.name).write_bytes(path.read_bytes())
        openclip = name.startswith("openclip")
        config = folder / ("open_clip_config.json" if openclip else "config.json")
        if change:
            document = json.loads(config.read_text())
            change(document)
            config.write_text(json.dumps(document))
        if weights:
            file = folder / ("open_clip_model.safetensors" if openclip else "model.safetensors")
            tensors = load_file(file)
            weights(tensors)
            save_file(tensors, file)
        return folder

    return edit
