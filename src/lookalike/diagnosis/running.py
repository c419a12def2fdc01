"""What a running service needs: its data, its port, and a model that answers."""

import errno
import http.client
import json
import socket
import time
from collections.abc import Callable

from lookalike.diagnosis.cache import writable
from lookalike.diagnosis.finding import Finding, State
from lookalike.encoder import Encoder
from lookalike.errors import CatalogueError, LookalikeError, StoreLocked
from lookalike.models import golden
from lookalike.models.space import free_bytes
from lookalike.models.store import BUILT_IN, ModelStore
from lookalike.settings import Settings

_LITTLE = 500 * 10**6
_SECONDS = 3.0
_TIMES = 5


def data(settings: Settings) -> Finding:
    if not settings.catalogue:
        return Finding(State.OK, "not needed: no collections are served")
    path = settings.data
    free = free_bytes(path)
    facts = {"path": str(path), "free": free, "writable": writable(path)}
    text = f"{path}, {(free or 0) / 1e9:,.1f} GB free"
    if not facts["writable"]:
        return Finding(
            State.BROKEN,
            f"{text}, not writable",
            f"give this user the right to write to {path}, or set LOOKALIKE_DATA",
            facts,
        )
    if free is not None and free < _LITTLE:
        return Finding(State.WARNING, text, "free some space before it is needed", facts)
    return Finding(State.OK, text, facts=facts)


def store(settings: Settings) -> Finding:
    from lookalike.catalog.opening import open_store  # a second to import

    if not settings.catalogue:
        return Finding(State.OK, "not needed: no collections are served")
    where = settings.qdrant_url or str(settings.data / "store")
    if settings.qdrant_url is None and not (settings.data / "store").exists():
        return Finding(State.OK, "there is none yet; the first use makes it", facts={"path": where})
    try:
        opened = open_store(settings)
    except StoreLocked as error:
        who = f"process {error.pid}" if error.pid else "another process"
        return Finding(State.OK, f"{where} is in use by {who}", facts=error.facts())
    except CatalogueError as error:
        return Finding(State.BROKEN, str(error), "see the words of the error", error.facts())
    try:
        names = [facts.name for facts in opened.collections()]
    except CatalogueError as error:
        return Finding(State.BROKEN, str(error), "see the words of the error", error.facts())
    finally:
        opened.close()
    facts = {"where": where, "collections": names}
    return Finding(State.OK, f"{where} opens; {len(names)} collections", facts=facts)


def port(settings: Settings) -> Finding:
    host, number = settings.host or "127.0.0.1", settings.port
    facts = {"host": host, "port": number}
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return _taken(host, number, facts)
            return Finding(
                State.BROKEN,
                f"{host}:{number} can't be served on: {error.strerror}",
                "choose another with LOOKALIKE_HOST and LOOKALIKE_PORT (below 1024 needs a right)",
                facts,
            )
    return Finding(State.OK, f"{host}:{number} is free", facts=facts)


def _taken(host: str, number: int, facts: dict[str, object]) -> Finding:
    address = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 (not bound here)
    wire = http.client.HTTPConnection(address, number, timeout=_SECONDS)
    try:
        wire.request("GET", "/healthz")
        answer = json.loads(wire.getresponse().read(2000))
        ours = isinstance(answer, dict) and answer.get("status") == "alive"
    except (OSError, ValueError, http.client.HTTPException):
        ours = False
    finally:
        wire.close()
    if ours:
        return Finding(State.OK, f"a Lookalike service answers on {host}:{number}", facts=facts)
    return Finding(
        State.BROKEN,
        f"{host}:{number} is in use by something else",
        "choose another port: LOOKALIKE_PORT, or serve --port",
        facts,
    )


def inference(settings: Settings) -> Finding:
    """Load a model and time it: the one of the settings if it is here, else the built-in one."""
    name = settings.model_name
    models = ModelStore(settings.home, offline=True)
    try:
        if not models.is_here(name):
            name = BUILT_IN
        start = time.perf_counter()
        with Encoder.load(name, settings=settings.model_copy(update={"offline": True})) as encoder:
            loaded = time.perf_counter() - start
            facts: dict[str, object] = {
                "model": name,
                "precision": encoder.info.precision,
                "runtime": encoder.info.runtime,
                "threads": encoder.info.threads,
                "load_seconds": round(loaded, 2),
            }
            parts = [f"{name} at {encoder.info.precision} loads in {loaded:.1f} s"]
            picture = golden.pictures()[0]
            if "text" in encoder.info.towers:
                facts["text_ms"] = _milliseconds(lambda: encoder.encode_texts(["a red dress"]))
                parts.append(f"a short text {facts['text_ms']} ms")
            if "image" in encoder.info.towers:
                facts["image_ms"] = _milliseconds(lambda: encoder.encode_images([picture]))
                parts.append(f"a picture {facts['image_ms']} ms")
    except LookalikeError as error:
        return Finding(
            State.BROKEN,
            str(error),
            "`lookalike models verify NAME` tells more; with --device cpu --precision fp32 anything runs",
            {"model": name},
        )
    return Finding(State.OK, ", ".join(parts), facts=facts)


def _milliseconds(call: Callable[[], object]) -> float:
    """The median of a few."""
    times = []
    for _ in range(_TIMES):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return round(1000 * sorted(times)[_TIMES // 2], 1)
