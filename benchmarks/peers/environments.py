"""Where each peer is installed: an environment of its own, made when first asked for, versions pinned.

They lie in `.venv-peers/`; PyTorch's make it several GB. `--python NAME=PATH` takes an environment that
is there already instead.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv-peers"
LIMIT = 1_800
"""Seconds that installing one may take."""
ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "torch": (
        "torch==2.14.1",
        "torchvision==0.29.1",
        "transformers==5.24.0",
        "sentence-transformers==6.2.0",
        "onnx==1.23.2",
        "onnxruntime==1.32.0",
        "onnxscript",
    ),
    "fastembed": ("fastembed==0.9.1", "onnx==1.23.2"),
    # its [server] extra does not bring aiohttp, without which it refuses every picture
    "infinity": ("infinity-emb[torch,server,vision]==0.0.78", "aiohttp"),
    "engines": ("faiss-cpu==1.15.1", "hnswlib==0.8.0", "usearch==2.26.6"),
    # It has not been released since 2023: jina imports pkg_resources, and its gateway knows pydantic 1 only.
    "clip-as-service": ("clip-server==0.8.3", "setuptools<81", "pydantic<2"),
    "qdrant": ("qdrant-edge-py==0.9.0", "httpx"),
}
BY_UV = frozenset({"clip-as-service"})
"""Environments that pip's resolver does not come to an end with."""


class NotInstalled(Exception):
    """A peer's environment could not be made; says why."""


def python_of(name: str, given: dict[str, str]) -> str:
    """The interpreter of an environment; installs it if it isn't there. Raises NotInstalled."""
    if name == "lookalike":
        return sys.executable
    if name in given:
        return given[name]
    folder = FOLDER / name
    python = folder / "bin" / "python"
    done = folder / "done"
    wanted = "\n".join(ENVIRONMENTS[name])
    if not done.exists() or done.read_text() != wanted:
        print(f"installing {name} into {folder.relative_to(ROOT)} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(python), "-m", "pip"]
        if name in BY_UV:
            _run(name, [*pip, "install", "--quiet", "uv"])
            pip = [str(python), "-m", "uv", "pip"]
        _run(name, [*pip, "install", "--quiet", *ENVIRONMENTS[name]])
        done.write_text(wanted)
    return str(python)


def _run(name: str, command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, timeout=LIMIT, stderr=subprocess.PIPE, text=True)
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"{name}: installing took over {LIMIT} s") from None
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise NotInstalled(f"{name}: {reason}") from None
