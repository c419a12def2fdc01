"""What a hostile or an odd client sends over a real socket: it is answered, never with a 5xx, and nobody else
notices."""

import gzip
import re
import socket
from collections.abc import Iterator

import pytest

from lookalike.service.app import create_app
from tests.service.conftest import listening, loader, settings_of

HOST = b"host: localhost\r\nconnection: close\r\n"


@pytest.fixture(scope="module")
def port(bundle, tmp_path_factory) -> Iterator[int]:
    app = create_app(settings_of(tmp_path_factory.mktemp("hostile")), loader(bundle))
    with listening(app) as url:
        number = int(url.rsplit(":", 1)[1])
        assert statuses(ask(number, get(b"/collections/a", b"PUT"))) == [201]
        yield number


def ask(port: int, data: bytes) -> bytes:
    """All that comes back until the connection ends."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(data)
        try:
            while chunk := wire.recv(65536):
                answer += chunk
        except ConnectionResetError:  # it was still being sent to
            pass
    return answer


def statuses(answer: bytes) -> list[int]:
    return [int(one) for one in re.findall(rb"HTTP/1\.1 (\d+)", answer)]


def get(path: bytes, method: bytes = b"GET", *headers: bytes, version: bytes = b"1.1") -> bytes:
    more = b"".join(header + b"\r\n" for header in headers)
    return method + b" " + path + b" HTTP/" + version + b"\r\n" + HOST + more + b"\r\n"


def post(
    body: bytes, path: bytes = b"/embed/text", *headers: bytes, kind: bytes = b"application/json"
) -> bytes:
    size = b"content-length: %d" % len(body)
    return get(path, b"POST", b"content-type: " + kind, size, *headers) + body


SEARCH, ITEMS = b"/collections/a/search", b"/collections/a/items"
TEXT = b'{"text":"x"}'


@pytest.mark.parametrize(
    ("body", "path", "status"),
    [
        (b"[" * 100_000 + b"]" * 100_000, b"/embed/text", 422),
        (b'{"text":' * 5_000 + b"1" + b"}" * 5_000, b"/embed/text", 422),
        (b'{"text":"x","filter":' + b'{"not":' * 900 + b"{}" + b"}" * 901, SEARCH, 422),
        (b'[{"id":"d","title":"x","attributes":{"a":' + b"[" * 900 + b"]" * 900 + b"}}]", ITEMS, 200),
        (b'{"text":"x","text":"y"}', b"/embed/text", 200),
        (b'{"text":"\\ud800"}', b"/embed/text", 422),
        (b'{"text":"\xff"}', b"/embed/text", 422),
        (b'{"text":"a\\u0000b"}', b"/embed/text", 200),
        ('{"text":"x"}'.encode("utf-16"), b"/embed/text", 422),
        (b"", b"/embed/text", 422),
        (b'{"text":"x","diversity":NaN}', SEARCH, 422),
        (b'{"text":"x","diversity":1e999}', SEARCH, 422),
        (b'{"text":"x","limit":99999999999999999999999999}', SEARCH, 422),
        (b'{"text":"x","offset":9223372036854775807}', SEARCH, 422),
        (b'[{"id":"n","title":"x","attributes":{"a":NaN}}]', ITEMS, 422),
        (b'[{"id":"' + b"i" * 100_000 + b'","title":"x","attributes":{}}]', ITEMS, 200),
        (b'[{"id":"b","title":"x","attributes":{"a":123456789012345678901234567890}}]', ITEMS, 200),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else str(value),
)  # fmt: skip
def test_odd_json_is_answered(port: int, body: bytes, path: bytes, status: int) -> None:
    assert statuses(ask(port, post(body, path))) == [status]


@pytest.mark.parametrize(
    "kind",
    [b"\xff\xfe;;;=;", b"", b"multipart/form-data", b"multipart/form-data; boundary=" + b"a" * 5_000],
    ids=["garbage", "none", "no boundary", "long boundary"],
)  # fmt: skip
def test_odd_content_types_are_refused(port: int, kind: bytes) -> None:
    (status,) = statuses(ask(port, post(b"x", b"/embed/image", kind=kind)))
    assert status in (415, 422)


def test_compressed_body_is_refused_and_not_read_as_what_it_is_not(port: int) -> None:
    answer = ask(port, post(gzip.compress(TEXT), b"/embed/text", b"content-encoding: gzip"))
    assert statuses(answer) == [415]
    assert statuses(ask(port, post(TEXT, b"/embed/text", b"content-encoding: identity"))) == [200]


def test_head_of_what_can_be_got_has_its_headers_and_no_body(port: int) -> None:
    for path in (b"/healthz", b"/readyz", b"/info", b"/metrics"):
        head, _, body = ask(port, get(path, b"HEAD")).partition(b"\r\n\r\n")
        assert statuses(head) == [200], path
        assert body == b""
        assert int(re.search(rb"content-length: (\d+)", head).group(1)) > 0
    assert statuses(ask(port, get(b"/embed/text", b"HEAD"))) == [405]
    assert b'method="HEAD",route="/healthz"' in ask(port, get(b"/metrics"))


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (get(b"/embed/text", b"OPTIONS"), [405]),
        (get(b"*", b"OPTIONS"), [404]),
        (get(b"/healthz", b"FOO"), [405]),
        (get(b"/healthz", b"TRACE"), [405]),
        (get(b"/healthz", version=b"1.0"), [200]),
        (get(b"/openapi.json", b"GET", b"range: bytes=0-10"), [200]),
        (get(b"/healthz", b"GET", b"x-request-id: \xff evil"), [200]),
        (get(b"/healthz", b"GET", b"traceparent: \xff\xff"), [200]),
        (get(b"/healthz", b"GET", b"upgrade: websocket"), [200]),
        (get(b"/healthz", b"GET", b"host: evil.example"), [400]),
        (get(b"http://evil.example/info"), [404]),
        (get(b"/healthz", b"GET", b"x: " + b"a" * 200_000), [400]),
        (get(b"/" + b"a" * 60_000), [404]),
        (get(b"/embed/text", b"POST", b"content-length: -1"), [400]),
        (get(b"/embed/text", b"POST", b"content-length: 9" + b"9" * 30), [400]),
        (get(b"/embed/text", b"POST", b"content-length: 1", b"content-length: 2") + b"xx", [400]),
        (get(b"/embed/text", b"POST", b"transfer-encoding: chunked") + b"zz\r\n", [400]),
        (post(TEXT, b"/embed/text", b"expect: 100-continue"), [100, 200]),
        (get(b"/healthz").replace(b"connection: close\r\n", b"") + post(TEXT), [200, 200]),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else str(value),
)  # fmt: skip
def test_odd_http_is_answered(port: int, request_: bytes, expected: list[int]) -> None:
    assert statuses(ask(port, request_)) == expected


@pytest.mark.parametrize(
    "path",
    [
        b"/collections/%2e%2e%2f%2e%2e", b"/collections/%zz", b"/collections/%ff%fe",
        b"/collections/a/items/%ff", b"/collections/a/items/%00", b"/collections/a/items/%ed%a0%80",
        b"/collections/a/items/..%2f..%2fetc%2fpasswd/image", b"/collections/a/items/%2e%2e/image",
    ],
)  # fmt: skip
def test_odd_encodings_in_paths_name_nothing(port: int, path: bytes) -> None:
    assert statuses(ask(port, get(path))) == [404]
    assert statuses(ask(port, get(path, b"DELETE")))[0] in (404, 405)


def test_name_that_no_collection_can_have_is_refused(port: int) -> None:
    for name in (b"%00", b"%2e%2e", b"a%2fb", b"%ed%a0%80", b"a" * 65):
        answer = ask(port, get(b"/collections/" + name, b"PUT", b"content-length: 0"))
        assert statuses(answer)[0] in (404, 422), name


def test_client_that_closes_its_half_costs_nothing_and_the_next_is_served(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(post(TEXT))
        wire.shutdown(socket.SHUT_WR)
        while wire.recv(65536):
            pass
    assert statuses(ask(port, post(TEXT))) == [200]
