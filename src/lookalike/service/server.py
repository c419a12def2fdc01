"""uvicorn, with the application in it."""

import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from lookalike.service import logs
from lookalike.service.app import create_app
from lookalike.service.security import LOOPBACK, Keys, bind_address
from lookalike.service.state import LoadEncoder, load_encoder
from lookalike.settings import Settings

log = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 75
"""Longer than the minute after which proxies let go of idle connections, so that they do it first."""


def _listener(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named so that asyncio recognises TCP and turns Nagle's algorithm off: an answer's body
    # would wait 40 ms for the client to acknowledge its headers.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at the first signal. uvicorn's own raises it again in the end, and so makes a failure of every
        clean stop.
        """
        before = {
            one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def serve(settings: Settings, load: LoadEncoder = load_encoder) -> None:
    """Serve until told to stop (SIGTERM, SIGINT); then finish what was accepted.

    Raises SettingInvalid, ExtraMissing, OSError (the address is in use).
    """
    logs.configure(settings)
    app = create_app(settings, load)
    host = bind_address(settings)
    with _listener(host, settings.port) as listener:
        port = listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{port}"
        facts = {"url": url, "keys": len(Keys.of(settings).rights), "model": settings.model_name}
        if not facts["keys"] and host not in (LOOPBACK, "::1", "localhost"):
            log.warning("without API keys, whoever reaches this address may change collections")
        log.info("serving", extra={"facts": facts})
        app.state.service.url = url
        config = uvicorn.Config(
            app,
            # the strict parser: httptools would be taken where it is installed, and takes two `host` headers
            # and headers of any length (it saves some 0.1 ms of a request)
            http="h11",
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(1, round(settings.grace_seconds)),
        )
        _Server(config).run(sockets=[listener])
