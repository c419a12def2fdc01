"""What the Dockerfile promises, read from it; `make checks` replays it (test_replay.py)."""

import http.server
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import pytest

from tests.deploy.dockerfile import ROOT, Stage, filled, lineage, pairs, read

ARGUMENTS, STAGES = read()
LAST = list(STAGES)[-1]
IMAGE = lineage(STAGES, LAST)
MEGABYTE = 1_000_000


def environment(**given: str) -> dict[str, str]:
    """What the image's processes see, with these build arguments."""
    seen: dict[str, str] = {}
    known = {**ARGUMENTS, **given}
    for stage in IMAGE:
        values: dict[str, str] = {}
        for step in stage.steps:
            if step.word == "ARG":
                for name, value in pairs(step).items():
                    values[name] = filled(value, values) or known.get(name, "")
            elif step.word == "ENV":
                seen |= {k: filled(v, {**values, **seen}) for k, v in pairs(step).items()}
    return seen


def last(word: str) -> str:
    return [step.rest for stage in IMAGE for step in stage.of(word)][-1]


def test_the_image_runs_as_appuser_who_has_a_number_and_no_rights() -> None:
    user, group = last("USER").split(":")
    made = next(step.rest for step in STAGES["base"].of("RUN"))
    assert f"useradd --uid {user} --gid appuser" in made
    assert f"groupadd --gid {group} appuser" in made
    assert int(user) >= 1000
    assert "sudo" not in made


def test_models_and_catalogues_are_volumes_that_appuser_owns() -> None:
    volumes = STAGES[LAST].of("VOLUME")[0].items()
    assert volumes == ["/home/appuser/.cache", "/data"]
    made = next(step.rest for step in STAGES["base"].of("RUN"))
    owned = re.search(r"install --directory --owner=appuser --group=appuser ([^&]+)", made)
    assert owned
    assert owned[1].split() == volumes


def test_it_listens_on_8000_and_its_health_needs_no_curl() -> None:
    assert last("EXPOSE") == "8000"
    assert environment()["LOOKALIKE_PORT"] == "8000"
    assert "python" in last("HEALTHCHECK")
    assert "curl" not in last("HEALTHCHECK")


def test_the_last_stage_has_no_pip_no_compiler_and_no_test_tools() -> None:
    commands = " ".join(step.rest for stage in IMAGE for step in stage.of("RUN"))
    assert "pip uninstall" in commands
    assert not re.search(r"apt-get|\bgcc\b|\bmake\b|pip install|pytest|dev\.txt", commands)
    brought = [step.rest for stage in IMAGE for step in stage.of("COPY")]
    assert brought == [
        "--from=build /opt/lookalike /opt/lookalike",
        "--from=model /models /models",
    ]
    assert "--without-pip" in " ".join(step.rest for step in STAGES["build"].of("RUN"))


def test_every_package_of_the_image_is_pinned_by_hash() -> None:
    commands = " ".join(step.rest for stage in STAGES.values() for step in stage.of("RUN"))
    installs = re.findall(r"pip (?:--python \S+ )?install ([^;&]+)", commands)
    assert len(installs) == 4
    for install in installs:
        pinned = "--require-hashes" in install and "--only-binary :all:" in install
        ours = "--no-deps --no-index dist/*.whl" in install
        assert pinned or ours, install


def test_what_is_copied_is_there_and_not_ignored() -> None:
    let_in = {
        line[1:].rstrip("/")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    for stage in STAGES.values():
        for step in stage.of("COPY"):
            if step.rest.startswith("--from"):
                continue
            for source in step.items()[:-1]:
                assert (ROOT / source).exists(), source
                assert source.rstrip("/") in let_in, source


def test_without_a_model_inside_the_cache_is_the_volume() -> None:
    seen = environment()
    assert seen["LOOKALIKE_HOME"] == "/home/appuser/.cache/lookalike"
    assert seen["LOOKALIKE_OFFLINE"] == "no"
    assert seen["MODEL_NAME"] == "ViT-B-32"


def test_with_a_model_inside_nothing_is_downloaded() -> None:
    seen = environment(MODEL="ViT-B-16")
    assert seen["LOOKALIKE_HOME"] == "/models"
    assert seen["LOOKALIKE_OFFLINE"] == "yes"
    assert seen["MODEL_NAME"] == "ViT-B-16"
    baked = STAGES["model"].of("RUN")[0].rest
    assert 'LOOKALIKE_HOME=/models lookalike models pull "$MODEL"' in baked


def test_every_stage_is_of_one_python_and_one_distribution() -> None:
    bases = {stage.base for stage in STAGES.values() if stage.base not in STAGES}
    assert bases == {"python:${PYTHON}-slim-bookworm"}
    assert re.search(r'requires-python = ">=3\.11"', (ROOT / "pyproject.toml").read_text())
    assert ARGUMENTS["PYTHON"] in {"3.11", "3.12", "3.13", "3.14"}


def test_the_environment_takes_less_than_500_megabytes() -> None:
    """By what the packages say that they installed; test_replay.py measures the real folder."""
    names = re.findall(
        r"^([\w.-]+)==\S+(.*)", (ROOT / "requirements/runtime.txt").read_text(), re.M
    )
    size, counted = 0, 0
    for name, condition in names:
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            assert ";" in condition, f"{name} is in the lock and not installed"
            continue
        counted += 1
        # byte code is counted where it is written down, and otherwise estimated: about the source's size
        for file in package.files or ():
            path = Path(str(package.locate_file(file)))
            if file.suffix == ".pyc" or not path.exists():
                continue
            length = path.stat().st_size
            size += 2 * length if file.suffix == ".py" else length
    assert counted > 40
    assert 300 * MEGABYTE < size < 500 * MEGABYTE, f"{size / MEGABYTE:.0f} MB"


# The probe


@contextmanager
def answering(status: int) -> Iterator[tuple[int, list[dict[str, str]]]]:
    """A server that answers everything with `status`; its port and the headers that it was sent."""
    seen: list[dict[str, str]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append({**self.headers, "path": self.path})
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'{"status":"loading"}')

        def log_message(self, *_: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, seen
        server.shutdown()


def probed(*arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("LOOKALIKE_")}
    command = [sys.executable, "-m", "lookalike.probe", *arguments]
    return subprocess.run(
        command, env={**clean, **given}, capture_output=True, text=True, timeout=30
    )


@pytest.mark.parametrize(("status", "exit_status"), [(200, 0), (503, 1)])
def test_the_probe_says_by_its_exit_status_whether_the_service_is_well(
    status: int, exit_status: int
) -> None:
    with answering(status) as (port, seen):
        done = probed(
            "/readyz",
            LOOKALIKE_PORT=str(port),
            LOOKALIKE_HOST="0.0.0.0",
            LOOKALIKE_ALLOWED_HOSTS="shop.example,other.example",
            LOOKALIKE_API_KEY="a-long-secret",
        )
    assert done.returncode == exit_status
    assert str(status) in done.stdout
    assert seen[0]["path"] == "/readyz"
    assert seen[0]["host"] == "shop.example"
    assert seen[0]["authorization"] == "Bearer a-long-secret"


def test_the_probe_fails_where_nobody_listens() -> None:
    done = probed(LOOKALIKE_PORT="1")
    assert done.returncode == 1
    assert "/healthz" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_probe_loads_nothing_but_the_standard_library() -> None:
    script = (
        "import sys; import lookalike.probe;"
        "print([m for m in sys.modules if m.split('.')[0] in ('numpy', 'httpx', 'fastapi', 'pydantic')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_stages_are_read_as_docker_reads_them() -> None:
    assert filled("${A:-x}/$B/${C:+y}", {"B": "b", "C": "c"}) == "x/b/y"
    assert [stage.name for stage in IMAGE] == ["base", "runtime", "service"]
    assert isinstance(STAGES["build"], Stage)
