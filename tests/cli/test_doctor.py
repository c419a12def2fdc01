import json
import socket
from pathlib import Path
from typing import Any

import pytest

from lookalike import diagnosis
from lookalike.catalog.embedded import EmbeddedStore
from lookalike.diagnosis import CHECKS, machine
from lookalike.models import hub
from lookalike.models.store import ModelStore
from lookalike.settings import Settings
from tests.cli.conftest import Command
from tests.models.hub_server import HubServer

GOLDEN = Path(__file__).parents[1] / "golden/models"


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of which nothing is known to be wrong: the model is the built-in one, the port is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("LOOKALIKE_PORT", str(probe.getsockname()[1]))
    for name in ("LOOKALIKE_HOST", "QDRANT_URL", "LOOKALIKE_QDRANT_URL", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODEL_NAME", "tiny")
    monkeypatch.setenv("LOOKALIKE_OFFLINE", "1")
    monkeypatch.setenv("LOOKALIKE_DATA", str(tmp_path / "data"))


@pytest.fixture
def doctor(lookalike: Command, clean: None, monkeypatch: pytest.MonkeyPatch):
    def run(*arguments: object, only: str = "") -> tuple[int, dict[str, dict[str, Any]]]:
        monkeypatch.setenv("MODEL_NAME", "tiny")
        checks = {name: check for name, check in CHECKS.items() if name in only.split() or not only}
        monkeypatch.setattr(diagnosis, "CHECKS", checks)
        done = lookalike("doctor", "--json", *arguments)
        report = json.loads(done.out)
        assert report["well"] == (done.status == 0)
        return done.status, {finding["check"]: finding for finding in report["findings"]}

    return run


def test_a_healthy_machine_is_well_and_every_fact_is_there(doctor) -> None:
    status, found = doctor()
    assert status == 0
    assert found["versions"]["facts"]["lookalike"]
    assert found["cores"]["facts"]["usable"] > 0
    assert found["memory"]["facts"]["available"] > 0
    assert found["inference"]["facts"]["model"] == "tiny"
    assert found["inference"]["facts"]["image_ms"] > 0


def test_it_changes_nothing(doctor, tmp_path: Path) -> None:
    doctor(only=" ".join(set(CHECKS) - {"inference"}))
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "home").exists()


def test_what_is_not_well_comes_with_what_to_do(doctor) -> None:
    status, found = doctor("--model", "ViT-B-32")
    assert status == 1
    assert found["model"]["state"] == "broken"
    assert "models import" in found["model"]["advice"]
    assert all(f["advice"] for f in found.values() if f["state"] != "ok")
    assert found["inference"]["facts"]["model"] == "tiny", "it times what there is"


def test_a_port_that_is_taken_is_broken(doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        taken.settimeout(0.1)
        monkeypatch.setenv("LOOKALIKE_PORT", str(taken.getsockname()[1]))
        monkeypatch.setattr("lookalike.diagnosis.running._SECONDS", 0.2)
        status, found = doctor(only="port")
    assert status == 1
    assert "in use by something else" in found["port"]["text"]


def test_an_altered_model_is_broken_and_its_file_named(
    doctor, lookalike: Command, tmp_path: Path
) -> None:
    lookalike("models", "import", GOLDEN / "openclip-vit-gelu", "--name", "mine")
    assert doctor("--model", "mine", only="models model")[0] == 0
    path = next(tmp_path.glob("home/models/mine/import-*/text.onnx"))
    path.write_bytes(path.read_bytes() + b"?")
    status, found = doctor("--model", "mine")
    assert status == 1
    for check in ("models", "model", "inference"):
        assert "text.onnx" in found[check]["text"]
    assert "models pull mine" in found["models"]["advice"]


def test_a_store_in_use_is_well_and_a_damaged_one_is_not(doctor, tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "data/store")
    assert "in use by process" in doctor(only="store")[1]["store"]["text"]
    store.close()
    assert "opens; 0 collections" in doctor(only="store")[1]["store"]["text"]
    (tmp_path / "data/store/names.json").write_text("{")
    status, found = doctor(only="store")
    assert (status, found["store"]["state"]) == (1, "broken")


def test_the_hub_is_asked_and_only_missed_if_the_model_is(
    doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_OFFLINE", "0")
    with HubServer({}) as server:
        monkeypatch.setattr(hub, "endpoint", lambda: server.url)
        assert doctor(only="hub")[1]["hub"]["state"] == "ok"
    monkeypatch.setattr(hub, "endpoint", lambda: "http://127.0.0.1:9")
    status, found = doctor(only="hub")
    assert (status, found["hub"]["state"]) == (0, "warning")
    status, found = doctor("--model", "ViT-B-32", only="hub")
    assert (status, found["hub"]["state"]) == (1, "broken")


def test_memory_is_what_the_container_may_use(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  8000000 kB\nMemAvailable:  6000000 kB\n")
    (tmp_path / "memory.max").write_text(f"{512 * 2**20}\n")
    (tmp_path / "memory.current").write_text(f"{100 * 2**20}\n")
    found = machine.memory(Settings(), meminfo, tmp_path)
    assert found.facts == {"limit": 512 * 2**20, "available": 412 * 2**20}
    assert found.state == "warning"
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.memory(Settings(), meminfo, tmp_path).facts["limit"] == 8_000_000 * 1024


def test_an_old_processor_is_told(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("model name : Old One\nflags : sse2 avx\n")
    assert machine.processor(Settings(), cpuinfo).state == "warning"
    cpuinfo.write_text("model name : New One\nflags : avx2 avx512_bf16\n")
    found = machine.processor(Settings(), cpuinfo)
    assert (found.state, found.facts["features"]) == ("ok", ["avx2", "avx512_bf16"])


def test_on_a_terminal_the_advice_stands_below_the_line(
    lookalike: Command, clean: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "CHECKS", {"model": CHECKS["model"], "port": CHECKS["port"]})
    run = lookalike("doctor", "--model", "ViT-B-32")
    lines = run.out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("broken  model"))
    assert lines[at + 1].strip().startswith("-> `lookalike models pull ViT-B-32`")


def test_no_key_gets_into_the_report(
    lookalike: Command, clean: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_TOKEN", "LOOKALIKE_API_KEY", "LOOKALIKE_API_KEYS", "QDRANT_API_KEY"):
        monkeypatch.setenv(name, "a-secret")
    quick = {name: check for name, check in CHECKS.items() if name != "inference"}
    monkeypatch.setattr(diagnosis, "CHECKS", quick)
    assert "a-secret" not in lookalike("doctor", "--json").out


def test_a_damaged_cache_does_not_stop_the_other_checks(doctor, tmp_path: Path) -> None:
    folder = ModelStore(tmp_path / "home").models / "x"
    folder.mkdir(parents=True)
    (folder / "lock.json").write_text("{")
    status, found = doctor(only="models port")
    assert (status, found["models"]["state"]) == (1, "broken")
    assert found["port"]["state"] == "ok"
