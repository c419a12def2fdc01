"""Bringing a model from the hub: once, whole, the right one, or not at all. Through the hub's real client."""

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lookalike.encoder.golden import probe_with
from lookalike.errors import (
    CacheFull,
    CacheUnwritable,
    DownloadDamaged,
    FileAltered,
    GoldenMismatch,
    HubRefused,
    HubUnreachable,
    ModelNotCached,
    PullFailed,
    SourceChanged,
)
from lookalike.models import hub as hub_client
from lookalike.models import lock, registry, shelf, space, store
from lookalike.models.golden import Probed
from lookalike.models.hub import Patience
from lookalike.models.lock import ModelLock
from lookalike.models.precision import has_cuda
from lookalike.models.store import ModelStore
from lookalike.settings import Settings
from tests.models.conftest import GOLDEN
from tests.models.hub_server import COMMIT, NEXT_COMMIT, HubServer

NAME = "hf:acme/small"
WEIGHTS = "open_clip_model.safetensors"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that a test may change."""
    return Path(shutil.copytree(GOLDEN / "openclip-vit-gelu", tmp_path / "repository"))


@pytest.fixture
def server(repository: Path, monkeypatch: pytest.MonkeyPatch):
    for variable in ("HF_HUB_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(store, "precisions", lambda: ("fp32",))
    with HubServer({"acme/small": repository}) as server:
        monkeypatch.setattr(hub_client, "endpoint", lambda: server.url)
        yield server


@pytest.fixture
def models(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "home", patience=Patience(attempts=3, first_wait=0.01))


def serves(models: ModelStore, commit: str = COMMIT) -> bool:
    bundle = models.find(NAME)
    return bundle is not None and bundle.card.source.revision == commit


def test_the_second_pull_asks_nobody_and_converts_nothing(server, models):
    first = models.pull(NAME)
    assert (first.version, first.downloaded) == (COMMIT, True)
    asked = len(server.requests)
    second = models.pull(NAME)
    assert (second.version, second.downloaded, second.changed) == (COMMIT, False, False)
    assert len(server.requests) == asked


def test_the_lock_records_where_a_model_is_from_and_all_its_hashes(server, models, repository):
    path = models.pull(NAME).bundle.path
    recorded = ModelLock.read(path.parent)
    assert recorded is not None
    record = recorded.versions[COMMIT]
    assert (record.repository, record.commit, record.origin) == ("acme/small", COMMIT, "hub")
    assert set(record.source) == {"open_clip_config.json", WEIGHTS, "tokenizer.json"}
    assert set(record.files) == {file.name for file in path.iterdir()}


def test_a_pull_leaves_nothing_behind_but_the_bundle_and_the_lock(server, models):
    folder = models.pull(NAME).bundle.path.parent
    left = {path.name for path in folder.iterdir() if not list(path.glob("model.json"))}
    assert left <= {"lock.json", ".lock", ".incoming"}
    assert not list((folder / ".incoming").iterdir())


def test_the_token_goes_to_the_hub_and_to_nobody_else(server, models, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    models.pull(NAME)
    assert {token for _, token in server.tokens} == {"Bearer hf_secret"}
    assert any("/resolve/" in path for path, _ in server.tokens)
    assert not any("/cdn/" in path for path, _ in server.tokens)


def test_a_cut_off_file_is_continued_where_it_broke_off(server, models, repository):
    server.cut[WEIGHTS] = 2
    models.pull(NAME)
    size = (repository / WEIGHTS).stat().st_size
    assert server.asked_ranges[0] == f"bytes={size // 2}-"
    assert len(server.asked_ranges) == 2


def test_the_next_process_continues_what_the_last_one_left(server, models, repository):
    server.refuse = [("/cdn/", 500, 99)]
    with pytest.raises(HubRefused):
        models.pull(NAME)
    incoming = models.shelf(NAME).staging(COMMIT)
    half = (repository / WEIGHTS).read_bytes()[:1000]
    (incoming / f"{WEIGHTS}.part").write_bytes(half)
    server.refuse = []
    models.pull(NAME)
    assert server.asked_ranges == ["bytes=1000-"]
    config = [path for path in server.requests if "open_clip_config.json" in path]
    assert len(config) == 3, "asked about once by each, and fetched by one"


def test_what_other_programs_have_fetched_is_not_fetched_again(server, models, monkeypatch):
    from huggingface_hub import constants, snapshot_download

    cache = models.home.with_name("hub")
    snapshot_download(
        "acme/small", endpoint=server.url, cache_dir=cache, allow_patterns=["*.safetensors"]
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    before = sum("/cdn/" in path for path in server.requests)
    models.pull(NAME)
    assert sum("/cdn/" in path for path in server.requests) == before


def test_a_server_without_ranges_sends_the_file_again(server, models):
    server.ranges = False
    server.cut[WEIGHTS] = 1
    assert models.pull(NAME).downloaded


def test_a_continued_file_with_a_bad_beginning_is_fetched_whole(server, models):
    incoming = models.shelf(NAME).staging(COMMIT)
    incoming.mkdir(parents=True)
    (incoming / f"{WEIGHTS}.part").write_bytes(b"x" * 1000)
    assert models.pull(NAME).downloaded


def test_half_a_file_is_never_a_model(server, models):
    server.cut[WEIGHTS] = 99
    server.ranges = False
    with pytest.raises(DownloadDamaged, match="breaks off after"):
        models.pull(NAME)
    assert models.find(NAME) is None


@pytest.mark.parametrize("file", [WEIGHTS, "tokenizer.json"])
def test_a_file_with_one_other_byte_than_the_hub_says_is_refused(server, models, file):
    server.alter = {file}
    with pytest.raises(DownloadDamaged, match=file):
        models.pull(NAME)
    assert models.find(NAME) is None


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "HF_TOKEN"),
        (403, "accept its terms"),
        (404, "there is no|refuse|404"),
        (429, "too many requests"),
        (500, "try again later"),
    ],
)
def test_what_the_hub_refuses_is_said_with_what_to_do(server, models, status, says):
    server.refuse = [("/api/models", status, 99)]
    with pytest.raises(HubRefused, match=says) as caught:
        models.pull(NAME)
    assert caught.value.status == status
    tries = sum("/api/models" in path for path in server.requests)
    assert tries == (3 if status in {429, 500} else 1)


def test_a_short_illness_of_the_hub_is_waited_out(server, models):
    server.refuse = [("/api/models", 503, 1), ("/cdn/", 500, 2)]
    assert models.pull(NAME).downloaded


def test_retry_after_is_obeyed_and_an_hour_is_not_waited(server, models):
    server.refuse = [("/api/models", 429, 99)]
    server.retry_after = "3600"
    with pytest.raises(HubRefused, match="429"):
        models.pull(NAME)
    assert len(server.requests) == 1


def test_a_repository_or_revision_that_is_not_there(server, models):
    with pytest.raises(HubRefused, match="there is no acme/none"):
        models.pull("hf:acme/none")
    with pytest.raises(HubRefused, match="no revision 'v9'"):
        models.pull(f"{NAME}@v9")


def test_without_network_it_says_where_it_looked(server, models, monkeypatch):
    monkeypatch.setattr(hub_client, "endpoint", lambda: "http://127.0.0.1:9")
    with pytest.raises(HubUnreachable, match=r"127\.0\.0\.1:9"):
        models.pull(NAME)


def test_a_login_page_in_place_of_the_hub_is_told_from_it(server, models, monkeypatch):
    page = b"<html>please log in</html>"
    monkeypatch.setattr(json, "dumps", lambda _: page.decode())
    with pytest.raises(PullFailed, match="no model hub"):
        models.pull(NAME)


@pytest.mark.parametrize("variable", ["LOOKALIKE_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_the_error_is_the_commands_that_bring_the_model(tmp_path, monkeypatch, variable):
    monkeypatch.setenv(variable, "1")
    models = ModelStore(tmp_path, offline=Settings().offline)
    with pytest.raises(ModelNotCached) as caught:
        models.bundle("hf:acme/small@v1")
    for command in (
        "lookalike models pull hf:acme/small@v1",
        "lookalike models export hf:acme/small@v1 acme--small.tar",
        "lookalike models import acme--small.tar",
    ):
        assert command in str(caught.value)


# A good model is never lost


@pytest.mark.parametrize("trouble", ["refused", "damaged", "cut", "no weights", "full", "golden"])
def test_a_failed_update_leaves_the_good_model(server, models, repository, monkeypatch, trouble):
    models.pull(NAME)
    server.commit = NEXT_COMMIT
    match trouble:
        case "refused":
            server.refuse = [("/cdn/", 500, 99)]
        case "damaged":
            server.alter = {WEIGHTS}
        case "cut":
            server.cut[WEIGHTS], server.ranges = 99, False
        case "no weights":
            (repository / WEIGHTS).unlink()
        case "full":
            monkeypatch.setattr(space, "free_bytes", lambda _: 10)
        case "golden":
            models.probe = lambda _: Probed("fp32", {"text": np.ones((3, 4), np.float32)})
    with pytest.raises(Exception) as caught:
        models.update(NAME)
    assert caught.type.__module__ == "lookalike.errors"
    assert serves(models)
    assert models.find(NAME).path.name == COMMIT


def test_two_processes_that_pull_at_once_do_the_work_once(server, models):
    server.delay = 0.3  # so that all are there before the first is done
    pulled = []
    threads = [
        threading.Thread(target=lambda: pulled.append(ModelStore(models.home).pull(NAME)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(p.downloaded for p in pulled) == [False, False, False, True]
    assert sum("/cdn/" in path for path in server.requests) == 1


def test_killed_in_the_middle_it_begins_again_and_ends_well(server, models, monkeypatch):
    real = shelf.ModelLock.write
    monkeypatch.setattr(
        shelf.ModelLock, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        models.pull(NAME)
    monkeypatch.setattr(shelf.ModelLock, "write", real)
    assert models.find(NAME) is None
    assert models.pull(NAME).version == COMMIT


# Disks

FILL = """
import resource, sys
from pathlib import Path
from lookalike.models import hub, store
from lookalike.models.precision import has_cuda
from lookalike.models.store import ModelStore
limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
if float(sys.argv[4]) < 1:
    limit()
else:  # once all is downloaded there is room for half of a graph
    convert = store.convert
    def full(*args, **kwargs):
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        return convert(*args, **kwargs)
    store.convert = full
hub.endpoint = lambda: sys.argv[2]
models = ModelStore(Path(sys.argv[1]))
try:
    models.update("hf:acme/small")
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
@pytest.mark.parametrize("share", [0.5, 1.0], ids=["downloading", "converting"])
def test_a_disk_that_is_full_is_said_and_left_as_it_was(server, models, repository, share):
    models.pull(NAME)
    before = sorted(p.name for p in models.shelf(NAME).folder.rglob("*") if p.is_file())
    server.commit = NEXT_COMMIT
    # a limit on each file stands in for a full disk: the write fails in the same way
    limit = int(share * max(path.stat().st_size for path in repository.iterdir()))
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(models.home), server.url, str(limit), str(share)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "CacheFull" in done.stdout, done.stdout + done.stderr
    assert serves(models)
    after = sorted(p.name for p in models.shelf(NAME).folder.rglob("*") if p.is_file())
    assert after == before, "what can't be finished takes room"


def test_too_little_room_is_seen_before_the_download(server, models, monkeypatch):
    monkeypatch.setattr(space, "free_bytes", lambda _: 1_000_000)
    monkeypatch.setattr(store, "_ROOM", 10_000)
    with pytest.raises(CacheFull) as caught:
        models.pull(NAME)
    assert caught.value.free == 1_000_000
    assert not any("/cdn/" in path for path in server.requests)


def test_a_read_only_cache_serves_what_it_has_and_says_that_it_takes_no_more(
    server, models, monkeypatch
):
    models.pull(NAME)
    folder = models.shelf(NAME).folder
    real_open, real_mkdir = os.open, os.mkdir

    # root may write where the mode says no, so the system's refusal is played
    def refuse(real):
        def call(path, *args, **kwargs):
            if str(path).startswith(str(models.home)) and (
                real is real_mkdir or args[0] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            ):
                raise OSError(errno.EROFS, "Read-only file system", str(path))
            return real(path, *args, **kwargs)

        return call

    os.utime(folder / COMMIT / "image.onnx")  # so that there would be something to note
    monkeypatch.setattr(os, "open", refuse(real_open))
    monkeypatch.setattr(os, "mkdir", refuse(real_mkdir))
    assert serves(models)
    server.commit = NEXT_COMMIT
    with pytest.raises(CacheUnwritable, match="Read-only"):
        models.update(NAME)
    assert serves(models)


# Held against the lock


def test_a_removed_model_comes_back_as_the_commit_that_it_was(server, models):
    models.pull(NAME)
    models.shelf(NAME).remove()
    assert models.find(NAME) is None
    server.commit = NEXT_COMMIT  # the branch has moved on, and the old commit is gone
    with pytest.raises(HubRefused, match=COMMIT):
        models.pull(NAME)
    assert models.update(NAME).version == NEXT_COMMIT


def test_a_commit_whose_files_have_changed_is_refused(server, models, repository):
    models.pull(NAME)
    models.shelf(NAME).remove()
    path = repository / WEIGHTS
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(SourceChanged, match=WEIGHTS) as caught:
        models.pull(NAME)
    assert "lock" in caught.value.held


def test_a_pinned_hash_wins_over_what_the_hub_says(server, models, monkeypatch):
    entry = registry.REGISTRY["ViT-B-32/openai"]
    pinned = replace(
        entry, repository="acme/small", revision=None, pins={WEIGHTS: "0" * 64}, published=None
    )
    monkeypatch.setattr(registry, "REGISTRY", {entry.name: pinned})
    with pytest.raises(SourceChanged, match="pinned hash") as caught:
        models.pull("ViT-B-32")
    assert caught.value.file == WEIGHTS
    assert models.find("ViT-B-32") is None


def test_a_pin_that_comes_with_an_update_of_lookalike_stops_a_wrong_model(
    server, models, monkeypatch
):
    entry = registry.REGISTRY["ViT-B-32/openai"]
    plain = replace(entry, repository="acme/small", revision=None, published=None)
    monkeypatch.setattr(registry, "REGISTRY", {entry.name: plain})
    models.pull("ViT-B-32")
    pinned = replace(plain, pins={WEIGHTS: "0" * 64})
    monkeypatch.setattr(registry, "REGISTRY", {entry.name: pinned})
    with pytest.raises(SourceChanged, match=WEIGHTS):
        models.find("ViT-B-32")


# The golden check


def test_reference_vectors_are_recorded_and_reproduced(server, models):
    models.probe = probe_with(Settings(precision="fp32", threads=1))
    bundle = models.pull(NAME).bundle
    assert "golden.json" in bundle.card.files
    recorded = models.shelf(NAME).lock()
    assert "recorded" in str(recorded.versions[COMMIT].golden)
    del bundle  # it is in use as long as somebody has it
    models.shelf(NAME).remove()
    models.pull(NAME)
    assert models.shelf(NAME).lock().versions[COMMIT].golden == "recorded"


def test_without_the_device_that_will_serve_the_check_runs_on_the_cpu(server, models):
    models.probe = probe_with(Settings(model_device="cuda", precision="fp16", threads=1))
    if has_cuda():
        pytest.skip("there is CUDA here")
    models.pull(NAME)
    assert models.shelf(NAME).lock().golden[COMMIT].precision in {"fp32", "bf16"}


def test_a_bundle_that_gives_other_vectors_than_recorded_is_not_installed(server, models):
    right = np.eye(3, 8, dtype=np.float32)
    models.probe = lambda _: Probed("fp32", {"text": right})
    models.pull(NAME)
    models.shelf(NAME).remove()
    models.probe = lambda _: Probed("fp32", {"text": right[::-1]})
    with pytest.raises(GoldenMismatch, match="text tower"):
        models.pull(NAME)
    assert models.find(NAME) is None
    assert models.pull(NAME, checked=False).downloaded


def test_a_model_that_misses_its_published_numbers_is_not_installed(server, models, monkeypatch):
    entry = registry.REGISTRY["ViT-B-32/openai"]
    entry = replace(entry, repository="acme/small", revision=None)
    assert entry.published is not None
    monkeypatch.setattr(registry, "REGISTRY", {entry.name: entry})
    models.probe = probe_with(Settings(precision="fp32", threads=1))
    with pytest.raises(GoldenMismatch, match="published"):
        models.pull("ViT-B-32")
    assert models.find("ViT-B-32") is None


# Altered on the disk


def test_one_altered_byte_is_found_at_the_start_and_named(server, models):
    path = models.pull(NAME).bundle.path / "image.onnx"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileAltered, match=r"image\.onnx"):
        models.find(NAME)
    assert models.pull(NAME).downloaded, "a pull mends it"
    assert serves(models)


def test_offline_a_damaged_model_is_an_error_that_names_the_file(server, models):
    path = models.pull(NAME).bundle.path / "image.onnx"
    path.write_bytes(path.read_bytes() + b"?")
    models.offline = True
    for bring in (models.bundle, models.pull):
        with pytest.raises(FileAltered, match=r"image\.onnx"):
            bring(NAME)


def test_an_alteration_that_hides_its_time_is_found_by_the_full_check(server, models):
    path = models.pull(NAME).bundle.path / "image.onnx"
    facts = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert models.find(NAME) is not None, "the fast check is fast because it doesn't look"
    with pytest.raises(FileAltered, match=r"image\.onnx"):
        ModelStore(models.home, full=True).find(NAME)


def test_a_baked_image_keeps_whole_seconds_and_is_not_hashed_at_every_start(
    server, models, monkeypatch
):
    path = models.pull(NAME).bundle.path
    for file in path.iterdir():
        seconds = file.stat().st_mtime_ns // 10**9 * 10**9
        os.utime(file, ns=(seconds, seconds))
    monkeypatch.setattr(lock, "sha256", None)
    assert serves(models)


def test_a_copied_cache_with_new_times_is_found_unaltered(server, models):
    path = models.pull(NAME).bundle.path
    for file in path.iterdir():
        os.utime(file, (1, 1))
    assert serves(models)
    assert models.shelf(NAME).lock().versions[COMMIT].files["image.onnx"].mtime_ns == 10**9
