"""The Dockerfile's steps, done one after another on this machine: what `docker build` would do, without Docker.

Each stage is a root of its own: this machine's root as the base image, with a folder laid over it that takes
all writes (overlayfs), entered with chroot. Then the service is started as the image would start it: as the
user of USER, with that root read-only, no network but loopback, no capabilities, and the volumes as empty
folders.

The model inside is a small one of a real architecture, from a hub on this machine, so that baking is done too.

Needs root, overlayfs and a package index, and takes a minute: `make checks` runs it. What it can't show: that
the base image's tags exist and its libraries are as this machine's (which should be Debian 12), and arm64.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.deploy.dockerfile import ROOT, Stage, Step, filled, pairs, read
from tests.models.hub_server import HubServer

pytestmark = [
    pytest.mark.skipif("LOOKALIKE_REPLAY" not in os.environ, reason="`make checks` runs it"),
    pytest.mark.timeout(900),
]
ARGUMENTS, STAGES = read()
GOLDEN = ROOT / "tests" / "golden" / "models"


@dataclass
class Root:
    """A stage's root: the base image below, what its steps wrote above."""

    name: str
    work: Path
    below: list[Path] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)

    @property
    def written(self) -> Path:
        return self.work / self.name / "written"

    @property
    def merged(self) -> Path:
        return self.work / self.name / "root"

    def mount(self) -> None:
        for path in (self.written, self.merged, self.work / self.name / "between"):
            path.mkdir(parents=True)
        below = ":".join(map(str, [*reversed(self.below), Path("/")]))
        options = (
            f"lowerdir={below},upperdir={self.written},workdir={self.work / self.name / 'between'}"
        )
        run(["mount", "-t", "overlay", "overlay", "-o", options, str(self.merged)])
        run(["mount", "--rbind", "/dev", str(self.merged / "dev")])
        run(["mount", "-t", "proc", "proc", str(self.merged / "proc")])

    def values(self) -> dict[str, str]:
        return {**self.arguments, **self.environment}

    def path(self, inside: str) -> Path:
        return self.merged / (
            inside if inside.startswith("/") else f"{self.folder}/{inside}"
        ).lstrip("/")


def run(command: list[str], **more: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done


class Replay:
    """Builds with the given arguments. `hub`: where models come from, but for the internet."""

    def __init__(self, work: Path, hub: str, **given: str) -> None:
        self.work, self.hub, self.given = work, hub, given
        self.roots: dict[str, Root] = {}

    def build(self) -> Root:
        run(["mount", "-t", "tmpfs", "tmpfs", str(self.work)])
        for stage in STAGES.values():
            self.stage(stage)
        return self.roots[list(STAGES)[-1]]

    def close(self) -> None:
        for root in reversed(self.roots.values()):
            subprocess.run(["umount", "--recursive", "--lazy", str(root.merged)], check=False)
        subprocess.run(["umount", "--lazy", str(self.work)], check=False)

    def stage(self, stage: Stage) -> None:
        root = Root(stage.name, self.work)
        if stage.base in self.roots:
            base = self.roots[stage.base]
            root.below = [*base.below, base.written]
            root.environment, root.folder = dict(base.environment), base.folder
        else:
            root.environment = {
                "PATH": "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"
            }
        self.roots[stage.name] = root
        root.mount()
        if stage.base not in self.roots:
            self.base_image(root)
        for step in stage.steps:
            getattr(self, f"do_{step.word.lower()}")(root, step)

    def base_image(self, root: Root) -> None:
        """What python:*-slim has and this machine may not: `python` with pip of its own in /usr/local."""
        run([sys.executable, "-m", "venv", str(root.merged / "usr/local/python")])
        python = root.merged / "usr/local/bin/python"
        python.unlink(missing_ok=True)
        python.write_text('#!/bin/sh\nexec /usr/local/python/bin/python "$@"\n')
        python.chmod(0o755)
        # where this machine's Python is somebody's own; the change of mode stays in the layer above
        for parent in Path(sys.base_prefix).parents:
            inside = root.path(str(parent))
            inside.chmod(inside.stat().st_mode | 0o011)

    def do_run(self, root: Root, step: Step) -> None:
        # the index and the certificates of this machine, as a builder's settings would give them
        passed = {
            k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_", "REQUESTS_"))
        }
        passed["HF_ENDPOINT"] = self.hub
        environment = {**passed, **root.arguments, **root.environment, "HOME": "/root"}
        script = f"cd {root.folder} && {step.rest}"
        run(["chroot", str(root.merged), "/bin/sh", "-c", script], env=environment)

    def do_copy(self, root: Root, step: Step) -> None:
        words = step.items()
        stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else None
        *sources, target = words
        for source in sources:
            found = self.roots[stage].path(source) if stage else ROOT / source
            to = root.path(target)
            if found.is_dir():
                ignore = None if stage else shutil.ignore_patterns("__pycache__")
                shutil.copytree(found, to, symlinks=True, dirs_exist_ok=True, ignore=ignore)
            else:
                to = to / found.name if target.endswith("/") else to
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(found, to)

    def do_arg(self, root: Root, step: Step) -> None:
        for name, value in pairs(step).items():
            default = filled(value, root.values()) or ARGUMENTS.get(name, "")
            root.arguments[name] = self.given.get(name, default)

    def do_env(self, root: Root, step: Step) -> None:
        root.environment |= {k: filled(v, root.values()) for k, v in pairs(step).items()}

    def do_workdir(self, root: Root, step: Step) -> None:
        root.folder = step.rest
        root.path(step.rest).mkdir(parents=True, exist_ok=True)

    def do_user(self, root: Root, step: Step) -> None:
        root.user = step.rest

    def do_volume(self, root: Root, step: Step) -> None:
        root.volumes = step.items()

    def do_entrypoint(self, root: Root, step: Step) -> None:
        root.entrypoint = step.items()

    def do_cmd(self, root: Root, step: Step) -> None:
        root.command = step.items()

    def do_healthcheck(self, root: Root, step: Step) -> None:
        root.health = json.loads(step.rest.partition("CMD ")[2])

    def do_expose(self, root: Root, step: Step) -> None: ...

    def do_label(self, root: Root, step: Step) -> None: ...


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    if os.geteuid() != 0 or "overlay" not in Path("/proc/filesystems").read_text():
        pytest.skip("needs root and overlayfs")
    with HubServer({"acme/small": GOLDEN / "openclip-vit-quickgelu"}) as hub:
        replay = Replay(tmp_path_factory.mktemp("replay"), hub.url, MODEL="hf:acme/small")
        try:
            yield replay.build()
        finally:
            replay.close()


@dataclass
class Container:
    """The image, running as `docker run --read-only --network none --cap-drop ALL` would."""

    image: Root
    process: subprocess.Popen[bytes]

    def inside(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """`docker exec`: in the same root and network, as the same user."""
        user, group = self.image.user.split(":")
        enter = [
            "nsenter",
            f"--target={self.process.pid}",
            "--mount",
            "--net",
            "--root",
            f"--wdns={self.image.folder}",
        ]
        drop = [
            "setpriv",
            f"--reuid={user}",
            f"--regid={group}",
            "--clear-groups",
            "--bounding-set=-all",
            "--no-new-privs",
            "--",
        ]
        return subprocess.run(
            [*enter, *drop, *command],
            env=self.image.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture(scope="module")
def container(image: Root, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    user, group = image.user.split(":")
    folder = tmp_path_factory.mktemp("container")
    binds = ""
    for number, volume in enumerate(image.volumes):
        source = folder / str(number)
        source.mkdir()
        os.chown(source, int(user), int(group))
        binds += f"mount --bind {source} {image.merged}{volume}\n"
    script = f"""
        set -e
        ip link set lo up 2>/dev/null || true
        mount --bind {image.merged} {image.merged}
        mount -o remount,ro,bind {image.merged}
        mount -t proc proc {image.merged}/proc
        mount --rbind /dev {image.merged}/dev
        mount -t tmpfs tmpfs {image.merged}/tmp
        {binds}
        exec chroot {image.merged} /usr/bin/setpriv --reuid={user} --regid={group} --clear-groups \
          --bounding-set=-all --no-new-privs -- /bin/sh -c 'cd {image.folder} && exec "$@"' sh "$@"
    """
    environment = {**image.environment, "HOME": "/home/appuser"}
    image.environment = environment
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                "unshare",
                "--mount",
                "--net",
                "sh",
                "-c",
                script,
                "sh",
                *image.entrypoint,
                *image.command,
            ],
            env=environment,
            stdout=out,
            stderr=out,
        )
    running = Container(image, process)
    try:
        until = time.monotonic() + 90
        while running.inside(image.health).returncode != 0:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text() + str(running.inside(image.health))
            time.sleep(0.5)
        yield running
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)


def test_the_environment_is_of_500_megabytes_at_most(image: Root) -> None:
    kilobytes = run(["du", "--summarize", "--block-size=1000", str(image.path("/opt/lookalike"))])
    size = int(kilobytes.stdout.split()[0]) / 1000
    print(f"/opt/lookalike: {size:.0f} MB")
    assert size < 500


def test_pip_and_the_tools_of_tests_are_not_in_it(image: Root) -> None:
    names = {path.name.lower() for path in image.path("/opt/lookalike/bin").iterdir()}
    assert "lookalike" in names
    assert not names & {"pip", "pip3", "pytest", "ruff", "mypy"}
    site = next(image.path("/opt/lookalike/lib").glob("python3*/site-packages"))
    packages = {path.name.partition("-")[0].lower() for path in site.glob("*.dist-info")}
    assert len(packages) > 40
    assert not packages & {"pip", "setuptools", "hatchling", "pytest", "hypothesis", "torch"}
    assert (site / "lookalike" / "__init__.py").is_file()


def test_it_becomes_healthy_with_a_read_only_root_as_appuser_and_without_network(
    container: Container,
) -> None:
    done = container.inside([*container.image.health])
    assert done.returncode == 0
    assert '"ready"' in done.stdout
    assert "hf:acme/small" in done.stdout, "it serves another model than the one inside"
    status = Path(f"/proc/{container.process.pid}/status").read_text()
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert facts["Uid"].split()[0] == container.image.user.partition(":")[0]
    assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0
    assert facts["NoNewPrivs"] == "1"


def test_it_embeds_and_keeps_a_collection_in_its_volume(container: Container) -> None:
    script = """
import json, urllib.request
def ask(method, path, body):
    data = json.dumps(body).encode()
    request = urllib.request.Request("http://127.0.0.1:8000" + path, data, method=method,
                                     headers={"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request))
assert len(ask("POST", "/embed/text", {"text": "a red dress"})["embedding"]) > 8
ask("PUT", "/collections/shop", {})
stored = ask("POST", "/collections/shop/items", [{"id": "1", "title": "red dress"}])
assert stored["items"][0]["stored"], stored
print(len(ask("POST", "/collections/shop/search", {"text": "dress", "target": "text"})["hits"]))
"""
    done = container.inside(["python", "-c", script])
    assert done.stdout.strip() == "1", done.stderr


@pytest.mark.parametrize("path", ["/", "/opt/lookalike", "/models", "/home/appuser"])
def test_nothing_can_be_written_outside_the_volumes(container: Container, path: str) -> None:
    done = container.inside(["touch", f"{path}/anything"])
    assert done.returncode != 0
    assert container.inside(["touch", "/data/anything"]).returncode == 0


def test_pip_is_gone_for_good(container: Container) -> None:
    done = container.inside(["python", "-m", "pip", "--version"])
    assert done.returncode != 0


def test_it_stops_cleanly_when_told(container: Container) -> None:
    container.process.terminate()
    assert container.process.wait(30) == 0
