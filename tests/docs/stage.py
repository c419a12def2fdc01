"""What the pages take for granted: the repository's files, pictures and feeds, models on a hub, collections,
and a service that runs."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from unittest.mock import patch

import httpx
from PIL import Image
from starlette.testclient import TestClient

from lookalike.cli import main
from lookalike.models import hub, registry
from lookalike.service import server
from lookalike.service.app import create_app
from lookalike.service.state import load_encoder
from lookalike.settings import Settings
from tests.deploy.conftest import Served, starting, wait_for
from tests.deploy.dockerfile import ROOT
from tests.docs.programs import CHECKED, SETTINGS, parse, settings_of
from tests.docs.shell import Answer, Call, Wrong
from tests.models.conftest import GOLDEN
from tests.models.hub_server import NEXT_COMMIT, HubServer

SAMPLE = ROOT / "src/lookalike/sample"

IDS = (
    "sku-1 sku-3 sku-7 sku-9 clothing-test-dress-0007 clothing-test-longsleeve-0061 "
    "apple banana boot cap"
).split()
"""Items of the pages' `shop` and `products`."""

PARSED = {
    ("models", "compare"): "tests/cli/test_compare.py runs it; each model is measured for seconds",
    ("models", "quantize"): "tests/cli/test_quantize.py runs it; it calibrates for minutes",
    ("index", "--engine", "ray"): "tests/catalog/test_bulk_ray.py runs it, on a Ray of its own",
    ("demo",): "tests/cli/test_demo.py and the first steps run it; it takes in 450 pictures",
}
"""Commands, by words that tell them, whose arguments are read and that are not run, and why."""

# names as the pages give them, small models of random weights behind them
_PUBLISHED = {
    "timm/vit_base_patch32_clip_224.openai": "openclip-vit-quickgelu",
    "acme/clip": "openclip-vit-gelu",
}


@dataclass
class Stage:
    """A folder to run in, and what is around it."""

    folder: Path
    served: Served
    hub: HubServer
    own: dict[str, str]
    """Settings of the command line, for folders of its own."""
    environment: dict[str, str]
    """Variables of every command."""

    def lookalike(self, call: Call) -> int:
        """The command line in this process; `serve` until it is ready; or only its arguments (PARSED)."""
        for words in PARSED:
            if set(words) <= set(call.arguments):
                parse(call.arguments)
                return 0
        settings_of(call, SETTINGS)
        with (
            patch.object(sys, "stdin", call.stdin),
            patch.object(sys, "stdout", call.stdout),
            patch.object(sys, "stderr", call.stderr),
            patch.dict(os.environ, {**self.own, **call.environment}, clear=True),
            _inside(call.folder),
        ):
            try:
                main(call.arguments)
            except SystemExit as end:
                call.stdout.flush()
                return int(end.code or 0)
        raise Wrong("it did not end as a program does")

    def curl(self, call: Call) -> int:
        """The real one, which takes an answer of 400 and above for a failure."""
        return subprocess.run(
            [str(shutil.which("curl")), "--show-error", "--fail-with-body", *call.arguments],
            cwd=call.folder,
            stdin=call.stdin,
            stdout=call.stdout,
            stderr=call.stderr,
            check=False,
        ).returncode

    @property
    def answers(self) -> dict[str, Answer]:
        """For a shell."""
        return {**CHECKED, "lookalike": self.lookalike, "curl": self.curl}

    def here(self, script: str) -> str:
        """With the address of the service that runs."""
        for host in ("localhost", "127.0.0.1"):
            script = script.replace(f"{host}:8000", f"127.0.0.1:{self.served.port}")
        return script


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """All of it, made anew in `folder`."""
    work = folder / "work"
    _files(work)
    hubs = {}
    for name, golden in _PUBLISHED.items():
        hubs[name] = folder / "hub" / name
        shutil.copytree(GOLDEN / golden, hubs[name], ignore=shutil.ignore_patterns("golden.npz"))
    plain = {
        # the weights are not the published ones, nor is the commit
        name: replace(entry, revision=None, published=None, pins={})
        for name, entry in registry.REGISTRY.items()
    }
    own = {
        "MODEL_NAME": "tiny",
        "LOOKALIKE_DATA": str(folder / "data"),
        "LOOKALIKE_HOME": str(folder / "home"),
        "LOOKALIKE_PORT": "0",
    }
    environment = {
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "COLUMNS": "100",
    }
    with ExitStack() as stack:
        hub_server = stack.enter_context(HubServer(hubs))
        stack.enter_context(patch.object(hub, "endpoint", lambda: hub_server.url))
        stack.enter_context(patch.object(registry, "REGISTRY", MappingProxyType(plain)))
        stack.enter_context(patch.object(server, "serve", ready_once))
        served = stack.enter_context(starting(folder / "service"))
        made = Stage(work, served, hub_server, own, environment)
        _models(made, folder)
        wait_for(f"{served.url}/readyz", served.process, served.log)
        _collections(made)
        yield made


def ready_once(settings: Settings) -> None:
    """In the place of `serve`: the same application, until it would answer."""
    with TestClient(create_app(settings, load_encoder), base_url="http://localhost") as client:
        while (answer := client.get("/readyz")).status_code != httpx.codes.OK:
            if answer.json()["status"] == "failed":
                raise OSError(answer.json()["reason"])
            time.sleep(0.05)


def _files(work: Path) -> None:
    # copies, for a page may unpack an archive over them
    for name in ("deploy", "requirements", "src/lookalike/sample"):
        shutil.copytree(ROOT / name, work / name)
    for name in ("Dockerfile", "pyproject.toml", *(p.name for p in ROOT.glob("docker-compose*"))):
        shutil.copy(ROOT / name, work)
    pictures = sorted((SAMPLE / "pictures").glob("*.webp"))[:: 450 // len(IDS)][: len(IDS)]
    (work / "photos").mkdir()
    (work / "backup").mkdir()
    rows = []
    for name, path in zip(IDS, pictures, strict=True):
        with Image.open(path) as picture:
            picture.convert("RGB").save(work / "photos" / f"{name}.jpg")
        rows.append(
            {
                "id": name,
                "split": "test",
                "image": f"photos/{name}.jpg",
                "title": path.stem[:-3],
                "category": "dress" if "dress" in name else "other",
                "licence": "CC0",
            }
        )
    for name in ("photo.jpg", "dress.jpg"):
        shutil.copy(work / "photos" / "sku-1.jpg", work / name)
    (work / "products.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = [f"{row['id']},{row['title']}" for row in rows]
    (work / "products.csv").write_text("\n".join(["id,title", *lines]) + "\n")


def _models(made: Stage, folder: Path) -> None:
    for name in ("ViT-B-32", "hf:acme/clip"):
        run(made, "models", "pull", name)
    source = folder / "fashion-clip"
    shutil.copytree(GOLDEN / "openclip-vit-mean", source)
    run(made, "models", "import", str(source), "--name", "fashion")
    run(made, "models", "export", "fashion", str(folder / "fashion.tar"))
    with tarfile.open(folder / "fashion.tar") as archive:
        archive.extractall(made.folder / "another-bundle", filter="data")
    # what `models update` will find, and `models rollback` go back from
    made.hub.commit = NEXT_COMMIT
    config = folder / "hub/acme/clip/open_clip_config.json"
    document = json.loads(config.read_text())
    document["preprocess_cfg"]["mean"] = [0.5, 0.5, 0.5]
    config.write_text(json.dumps(document))


def _collections(made: Stage) -> None:
    for name in ("shop", "products"):
        feed = ("index", "products.jsonl", "--ignore", "split", "--ignore", "licence", "-c", name)
        run(made, *feed)
        run(made, *feed, "--url", made.served.url)


def run(made: Stage, *arguments: str) -> None:
    """A command that prepares; Raises AssertionError with what it said."""
    said = made.folder.parent / "said"
    with Path(os.devnull).open() as stdin, said.open("w") as out:
        call = Call("lookalike", list(arguments), made.folder, made.environment, stdin, out, out)
        status = made.lookalike(call)
    assert status == 0, said.read_text()


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
