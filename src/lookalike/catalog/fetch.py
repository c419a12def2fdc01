"""Pictures from URLs, fetched as if every URL came from an attacker.

A URL names a machine by way of DNS, and both the URL and its DNS can be chosen by a stranger: to read the
cloud's metadata service, a router's page or a database's port through us. So a name is resolved once, every
address of the answer must be public, and the connection goes to exactly the address that was checked, so that
a second look-up can't say something else. A redirect is a new URL and is checked like the first one. Bytes
and time are bounded for the whole of it. Proxies of the environment are not used: they would resolve again.
"""

import http.client
import io
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from lookalike.errors import FetchFailed, FetchRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""Host and port to the addresses of the one look-up, as strings."""
Connect = Callable[[str, int, float], socket.socket]
"""An address that was checked, the port, and seconds: a connected socket."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OPAQUE = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""Content types that say nothing, as object stores send them; the decoder decides."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one fetch may cost, redirects included."""

    max_bytes: int = 20 * 2**20
    seconds: float = 10.0
    redirects: int = 3
    ports: frozenset[int] = frozenset({80, 443})


def is_public(address: Address) -> bool:
    """Whether the address is one of the open internet, for certain. An IPv6 address that carries an IPv4 one
    (mapped, 6to4, Teredo, NAT64) is as public as that.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        teredo = address.teredo or ()
        carried = [one for one in (address.ipv4_mapped, address.sixtofour, *teredo) if one]
        if address in _NAT64 or address in _COMPATIBLE:
            carried.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if carried:
            return all(is_public(one) for one in carried)
        if address.is_site_local:
            return False
    return address.is_global and not (
        address.is_multicast
        or address.is_reserved
        or address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
    )


def look_up(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, from the system's resolver. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def connect(address: str, port: int, seconds: float) -> socket.socket:
    """A connection to an address; it is numeric, so nothing is looked up. Raises OSError."""
    return socket.create_connection((address, port), timeout=seconds)


class Fetcher:
    """Fetches pictures by URL. Safe to use from many threads at once.

    `resolve` and `connect` are the edge to the network, where tests plug in. An address only gets to
    `connect` after it was checked.
    """

    def __init__(
        self,
        limits: FetchLimits = FetchLimits(),
        *,
        resolve: Resolve = look_up,
        connect: Connect = connect,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.limits = limits
        self._resolve, self._connect, self._tls = resolve, connect, tls

    def fetch(self, url: str) -> bytes:
        """The body of a picture's URL. Raises FetchRefused, FetchFailed."""
        deadline = time.monotonic() + self.limits.seconds
        at = url
        for _ in range(self.limits.redirects + 1):
            body, onward = self._one(at, deadline)
            if onward is None:
                return body
            if urlsplit(at).scheme == "https" and urlsplit(onward).scheme == "http":
                raise FetchRefused(url, "is redirected from https to http")
            at = onward
        raise FetchRefused(url, f"is redirected more than {self.limits.redirects} times")

    def _one(self, url: str, deadline: float) -> tuple[bytes, str | None]:
        """The body, or where the answer redirects to."""
        parts, host, port = self._checked(url)
        address = self._address(url, host, port, deadline)
        try:
            wire = self._connect(address, port, _left(deadline))
            with ExitStack() as open_sockets:
                open_sockets.enter_context(wire)
                if parts.scheme == "https":
                    wire = open_sockets.enter_context(self._secured(wire, host, deadline))
                return self._talk(url, parts, host, port, wire, deadline)
        except TimeoutError:
            raise FetchFailed(url, f"took longer than {self.limits.seconds:g} s") from None
        except ssl.SSLError as error:
            raise FetchFailed(url, f"TLS failed: {error.reason or error}") from None
        except http.client.HTTPException as error:
            raise FetchFailed(url, f"the answer is not HTTP ({type(error).__name__})") from None
        except OSError as error:
            raise FetchFailed(url, f"connection failed: {error.strerror or error}") from None

    def _checked(self, url: str) -> tuple[SplitResult, str, int]:
        if len(url) > 8192 or any(ord(c) <= 0x20 or ord(c) == 0x7F for c in url):
            raise FetchRefused(url[:200], "is not a well-formed URL")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise FetchRefused(url, "is not a well-formed URL") from None
        if parts.scheme not in ("http", "https") or not host:
            raise FetchRefused(url, "only http and https are fetched")
        if parts.username is not None or parts.password is not None:
            raise FetchRefused(url, "a URL with a user's name is not fetched")
        port = port or (443 if parts.scheme == "https" else 80)
        if port not in self.limits.ports:
            raise FetchRefused(url, f"port {port} is not among those allowed")
        try:
            host = host.encode("idna").decode() if not host.isascii() else host
        except UnicodeError:
            raise FetchRefused(url, "has a host that is not a name") from None
        return parts, host, port

    def _address(self, url: str, host: str, port: int, deadline: float) -> str:
        """The one address to connect to. All of the answer's must be public: an answer with both kinds is an
        attempt to have the check see one and the connection use the other.
        """
        try:
            found = _bounded(partial(self._resolve, host, port), deadline)
        except TimeoutError:
            raise FetchFailed(url, "the name took too long to resolve") from None
        except (OSError, UnicodeError):
            raise FetchFailed(url, "the name can't be resolved") from None
        try:
            addresses = [ipaddress.ip_address(one) for one in found]
        except ValueError:
            raise FetchRefused(url, "leads to an address that can't be checked") from None
        if not addresses:
            raise FetchFailed(url, "the name has no address")
        if not all(is_public(one) for one in addresses):
            raise FetchRefused(url, "leads to an address that is not public")
        return str(addresses[0])

    def _secured(self, plain: socket.socket, host: str, deadline: float) -> ssl.SSLSocket:
        context = self._tls or ssl.create_default_context()
        plain.settimeout(
            _left(deadline)
        )  # holds for the whole handshake, not for each of its reads
        return context.wrap_socket(plain, server_hostname=host)

    def _talk(
        self,
        url: str,
        parts: SplitResult,
        host: str,
        port: int,
        wire: socket.socket,
        deadline: float,
    ) -> tuple[bytes, str | None]:
        """One request over a connected socket: the body, or where the answer redirects to."""
        connection = http.client.HTTPConnection(host)  # connected already, to the checked address
        connection.sock = _Timed(wire, deadline)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.putrequest("GET", _quoted(path), skip_host=True, skip_accept_encoding=True)
        named = f"[{host}]" if ":" in host else host
        usual = 443 if parts.scheme == "https" else 80
        connection.putheader("Host", named if port == usual else f"{named}:{port}")
        connection.putheader("User-Agent", "lookalike")
        connection.putheader("Accept", "image/*")
        # nothing is decompressed here, so nothing can be a bomb
        connection.putheader("Accept-Encoding", "identity")
        connection.putheader("Connection", "close")
        connection.endheaders()
        answer = connection.getresponse()
        if answer.status in _REDIRECTS and (location := answer.getheader("Location")):
            try:
                return b"", urljoin(url, location)
            except ValueError:
                raise FetchFailed(url, "is redirected to what is not a URL") from None
        if answer.status != 200:
            raise FetchFailed(url, f"answered {answer.status}")
        self._check_headers(url, answer)
        return self._body(url, answer), None

    def _check_headers(self, url: str, answer: http.client.HTTPResponse) -> None:
        kind = (answer.getheader("Content-Type") or "").split(";")[0].strip().lower()
        if kind not in _OPAQUE and (not kind.startswith("image/") or kind == "image/svg+xml"):
            raise FetchRefused(url, f"is {kind}, not a picture")
        encoding = (answer.getheader("Content-Encoding") or "identity").strip().lower()
        if encoding not in ("identity", ""):
            raise FetchRefused(
                url, f"is sent compressed ({encoding}), though that was not asked for"
            )
        if answer.length is not None and answer.length > self.limits.max_bytes:
            raise FetchRefused(url, self._too_long())

    def _body(self, url: str, answer: http.client.HTTPResponse) -> bytes:
        body = bytearray()
        while chunk := answer.read1(_CHUNK):
            body += chunk
            if len(body) > self.limits.max_bytes:
                raise FetchRefused(url, self._too_long())
        if answer.length:  # read1 takes an early end for the end
            raise FetchFailed(url, "the connection ended before the picture did")
        return bytes(body)

    def _too_long(self) -> str:
        return f"has more than {self.limits.max_bytes:,} bytes"


class _Timed:
    """A socket for http.client in which every single read and write ends by the deadline of the whole, so
    that a server which sends a byte now and then gains nothing.
    """

    def __init__(self, wire: socket.socket, deadline: float) -> None:
        self._wire, self._deadline = wire, deadline

    def sendall(self, data: bytes) -> None:
        self._wire.settimeout(_left(self._deadline))
        self._wire.sendall(data)

    def makefile(self, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._wire, self._deadline), _CHUNK)

    def close(self) -> None:
        """Nothing: http.client closes as soon as it has the headers. Whoever connected closes."""


class _TimedReader(io.RawIOBase):
    def __init__(self, wire: socket.socket, deadline: float) -> None:
        self._wire, self._deadline = wire, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._wire.settimeout(_left(self._deadline))
        return self._wire.recv_into(buffer)


def _left(deadline: float) -> float:
    """Seconds until then. Raises TimeoutError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _quoted(path: str) -> str:
    """The path with what is not ASCII percent-encoded; the rest is left as it is."""
    return "".join(c if c.isascii() else "".join(f"%{b:02X}" for b in c.encode()) for c in path)


def _bounded(call: Callable[[], Sequence[str]], deadline: float) -> Sequence[str]:
    """The call's result, or TimeoutError at the deadline: getaddrinfo itself knows no timeout, so it runs in
    a thread that is left behind then.
    """
    result: list[Sequence[str]] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            result.append(call())
        except BaseException as error:  # handed over to the caller
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name="resolve")
    thread.start()
    thread.join(_left(deadline))
    if thread.is_alive():
        raise TimeoutError
    if failed:
        raise failed[0]
    return result[0]
