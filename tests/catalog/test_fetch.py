"""The fetcher, against a network made of sockets on this machine that answer to public addresses."""

import gzip
import ipaddress
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from lookalike.catalog.fetch import Fetcher, FetchLimits, is_public, look_up
from lookalike.errors import FetchFailed, FetchRefused

PUBLIC = "93.184.215.14"
PICTURE = b"\x89PNG" + bytes(range(256)) * 8
Answer = Callable[[socket.socket, str], None]


def ok(body: bytes = PICTURE, kind: str | None = "image/png", *more: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *more]
    if kind is not None:
        lines.append(f"Content-Type: {kind}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Internet:
    """Names, their addresses, and one server that answers at each address; keeps what was asked of it."""

    def __init__(self) -> None:
        self.names: dict[str, list[list[str]]] = {}
        """Answers of the look-ups, in turn; the last one stays."""
        self.lookups: list[str] = []
        self.connected: list[str] = []
        self.requests: list[str] = []
        self.answer: Answer = lambda wire, _: wire.sendall(ok())
        self.tls: ssl.SSLContext | None = None
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def resolve(self, host: str, port: int) -> list[str]:
        self.lookups.append(host)
        answers = self.names.get(host)
        if answers is None:
            raise socket.gaierror("no such name")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def connect(self, address: str, port: int, seconds: float) -> socket.socket:
        self.connected.append(address)
        return socket.create_connection(self._server.getsockname(), timeout=seconds)

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                wire, _ = self._server.accept()
                threading.Thread(target=self._one, args=(wire,), daemon=True).start()

    def _one(self, wire: socket.socket) -> None:
        with wire, suppress(OSError), ExitStack() as secured:
            if self.tls is not None:
                wire = secured.enter_context(self.tls.wrap_socket(wire, server_side=True))
            asked = b""
            while b"\r\n\r\n" not in asked and (more := wire.recv(4096)):
                asked += more
                if asked[0] == 0x16:  # a TLS handshake, where plain HTTP is spoken
                    break
            self.requests.append(asked.decode("latin-1"))
            self.answer(wire, self.requests[-1].split(" ")[1])


@pytest.fixture
def internet() -> Iterator[Internet]:
    made = Internet()
    made.names["shop.example"] = [[PUBLIC]]
    yield made
    made.close()


def fetcher(internet: Internet, **limits: object) -> Fetcher:
    return Fetcher(FetchLimits(**limits), resolve=internet.resolve, connect=internet.connect)


def test_a_picture_at_a_public_address_is_fetched(internet: Internet) -> None:
    assert fetcher(internet).fetch("http://shop.example/a%20b.png?w=1") == PICTURE
    request = internet.requests[0]
    assert request.startswith("GET /a%20b.png?w=1 HTTP/1.1\r\n")
    assert "Host: shop.example\r\n" in request
    assert internet.connected == [PUBLIC]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "169.254.169.254",  # the metadata service of every cloud
        "100.64.0.1",  # carrier-grade NAT
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)
def test_no_address_but_a_public_one_is_connected_to(internet: Internet, address: str) -> None:
    internet.names["evil.example"] = [[address]]
    with pytest.raises(FetchRefused, match="not public"):
        fetcher(internet).fetch("http://evil.example/")
    assert internet.connected == []


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "2a00:1450::1"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost/",
    ],
)
def test_however_loopback_is_spelt_the_systems_resolver_and_we_see_through_it(
    internet: Internet, url: str
) -> None:
    real = Fetcher(FetchLimits(), resolve=look_up, connect=internet.connect)
    with pytest.raises((FetchRefused, FetchFailed)):
        real.fetch(url)
    assert internet.connected == []


def test_an_answer_with_a_private_address_among_public_ones_is_refused(internet: Internet) -> None:
    internet.names["split.example"] = [[PUBLIC, "10.0.0.1"]]
    with pytest.raises(FetchRefused, match="not public"):
        fetcher(internet).fetch("http://split.example/")


def test_dns_that_changes_its_mind_changes_nothing_as_it_is_asked_once(internet: Internet) -> None:
    internet.names["rebind.example"] = [[PUBLIC], ["127.0.0.1"]]
    assert fetcher(internet).fetch("http://rebind.example/") == PICTURE
    assert internet.lookups == ["rebind.example"]
    assert internet.connected == [PUBLIC]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.example/a.png",
        "file:///etc/passwd",
        "gopher://shop.example/",
        "http:///a.png",
        "http://user:secret@shop.example/",
        "http://shop.example@evil.example/",
        "http://shop.example:22/",
        "http://shop.example:6379/",
        "http://shop.example:0x50/",
        "http://shop.example/\r\nHost: evil",
        "http://shop.example/a b",
        "http://[::1/",
    ],
)
def test_a_url_that_is_not_plainly_a_web_address_is_refused(internet: Internet, url: str) -> None:
    with pytest.raises(FetchRefused):
        fetcher(internet).fetch(url)
    assert internet.connected == []


def redirects(*to: str) -> Answer:
    def answer(wire: socket.socket, path: str) -> None:
        step = int(path.strip("/") or 0)
        if step < len(to):
            head = f"HTTP/1.1 302 Found\r\nLocation: {to[step]}\r\nContent-Length: 0\r\n\r\n"
            wire.sendall(head.encode())
        else:
            wire.sendall(ok())

    return answer


def test_a_redirect_to_a_public_place_is_followed(internet: Internet) -> None:
    internet.names["cdn.example"] = [["1.1.1.1"]]
    internet.answer = redirects("http://cdn.example/1", "/2")
    assert fetcher(internet).fetch("http://shop.example/") == PICTURE
    assert internet.connected == [PUBLIC, "1.1.1.1", "1.1.1.1"]


@pytest.mark.parametrize(
    "to",
    [
        "http://inside.example/",
        "http://shop.example:22/",
        "file:///etc/passwd",
        "//inside.example/x",
    ],
)
def test_a_redirect_is_checked_like_the_url_it_came_from(internet: Internet, to: str) -> None:
    internet.names["inside.example"] = [["169.254.169.254"]]
    internet.answer = redirects(to)
    with pytest.raises(FetchRefused):
        fetcher(internet).fetch("http://shop.example/")
    assert internet.connected == [PUBLIC]


def test_redirects_end(internet: Internet) -> None:
    internet.answer = redirects(*["/0"] * 9)
    with pytest.raises(FetchRefused, match="more than 3 times"):
        fetcher(internet, redirects=3).fetch("http://shop.example/")
    assert len(internet.connected) == 4


def test_a_body_longer_than_allowed_is_cut_off_whether_announced_or_not(internet: Internet) -> None:
    sent = 0

    def endless(wire: socket.socket, _: str) -> None:
        nonlocal sent
        wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n")
        while True:
            wire.sendall(bytes(4096))
            sent += 4096

    internet.answer = endless
    with pytest.raises(FetchRefused, match="more than 100,000 bytes"):
        fetcher(internet, max_bytes=100_000).fetch("http://shop.example/")
    assert sent < 50_000_000

    internet.answer = lambda wire, _: wire.sendall(ok(bytes(100_001)))
    with pytest.raises(FetchRefused, match="more than 100,000 bytes"):
        fetcher(internet, max_bytes=100_000).fetch("http://shop.example/")


def drip(pieces: bytes, before: bytes = b"") -> Answer:
    def answer(wire: socket.socket, _: str) -> None:
        wire.sendall(before)
        for byte in pieces:
            wire.sendall(bytes([byte]))
            time.sleep(0.05)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        drip(ok()),  # a header, byte by byte
        drip(
            PICTURE, b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 9999\r\n\r\n"
        ),
        drip(
            b"1\r\n.\r\n" * 99,
            b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
        lambda wire, _: time.sleep(3),
    ],
    ids=["headers", "body", "chunks", "silence"],
)
def test_a_server_that_takes_its_time_doesnt_get_more_than_the_limit(
    internet: Internet, answer: Answer
) -> None:
    internet.answer = answer
    began = time.monotonic()
    with pytest.raises(FetchFailed, match=r"longer than 0\.4 s"):
        fetcher(internet, seconds=0.4).fetch("http://shop.example/")
    assert time.monotonic() - began < 1.5


def test_dns_that_takes_its_time_doesnt_get_more_than_the_limit() -> None:
    slow = Fetcher(FetchLimits(seconds=0.2), resolve=lambda *_: time.sleep(3) or [PUBLIC])
    began = time.monotonic()
    with pytest.raises(FetchFailed, match="too long to resolve"):
        slow.fetch("http://shop.example/")
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("kind", ["text/html", "application/json", "image/svg+xml", "video/mp4"])
def test_what_says_it_is_no_picture_is_refused(internet: Internet, kind: str) -> None:
    internet.answer = lambda wire, _: wire.sendall(ok(kind=kind))
    with pytest.raises(FetchRefused, match="not a picture"):
        fetcher(internet).fetch("http://shop.example/")


@pytest.mark.parametrize("kind", ["image/webp; q=1", "application/octet-stream", None])
def test_what_may_be_a_picture_is_left_to_the_decoder(internet: Internet, kind: str | None) -> None:
    internet.answer = lambda wire, _: wire.sendall(ok(kind=kind))
    assert fetcher(internet).fetch("http://shop.example/") == PICTURE


def test_nothing_is_decompressed_so_nothing_can_be_a_bomb(internet: Internet) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    internet.answer = lambda wire, _: wire.sendall(ok(bomb, "image/png", "Content-Encoding: gzip"))
    with pytest.raises(FetchRefused, match="compressed"):
        fetcher(internet).fetch("http://shop.example/")
    assert "Accept-Encoding: identity" in internet.requests[0]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answered 404"),
        (ok()[:-10], "ended before"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "not HTTP"),
        (b"", "not HTTP|failed"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "not HTTP"),
    ],
    ids=["missing", "cut", "ssh", "nothing", "headers"],
)
def test_a_server_that_doesnt_deliver_is_told_from_one_that_must_not_be_asked(
    internet: Internet, raw: bytes, reason: str
) -> None:
    internet.answer = lambda wire, _: wire.sendall(raw)
    with pytest.raises(FetchFailed, match=reason):
        fetcher(internet).fetch("http://shop.example/")


def test_a_name_that_doesnt_exist_and_a_port_that_refuses_are_failures(internet: Internet) -> None:
    with pytest.raises(FetchFailed, match="can't be resolved"):
        fetcher(internet).fetch("http://nowhere.example/")
    internet.close()
    with pytest.raises(FetchFailed, match="connection failed"):
        fetcher(internet).fetch("http://shop.example/")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for shop.example, signed by itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "certificate.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=shop"
    names = ["-addext", "subjectAltName=DNS:shop.example", "-keyout", str(key), "-out", str(made)]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    return made, key


def test_https_is_verified_for_the_name_though_the_address_is_pinned(
    internet: Internet, certificate: tuple[Path, Path]
) -> None:
    internet.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    internet.tls.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    web = Fetcher(resolve=internet.resolve, connect=internet.connect, tls=trusting)
    assert web.fetch("https://shop.example/a.png") == PICTURE

    internet.names["other.example"] = [[PUBLIC]]
    with pytest.raises(FetchFailed, match="TLS failed"):
        web.fetch("https://other.example/a.png")
    with pytest.raises(FetchFailed, match="TLS failed"):  # the system trusts no such certificate
        fetcher(internet).fetch("https://shop.example/a.png")


def test_a_handshake_that_takes_its_time_doesnt_get_more_than_the_limit(internet: Internet) -> None:
    internet.answer = drip(b"\x16\x03\x03\x3f\xff" + bytes(200))
    began = time.monotonic()
    with pytest.raises(FetchFailed, match=r"longer than|TLS failed"):
        fetcher(internet, seconds=0.4).fetch("https://shop.example/")
    assert time.monotonic() - began < 1.5


def test_no_redirect_from_https_to_http() -> None:
    class Downgraded(Fetcher):
        def _one(self, url: str, deadline: float) -> tuple[bytes, str | None]:
            return b"", "http://shop.example/"

    with pytest.raises(FetchRefused, match="from https to http"):
        Downgraded().fetch("https://shop.example/")
