"""Bodies that nobody would send: none is a 5xx, and each refusal is a document."""

import json

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.service.conftest import picture

fuzz = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

FORM = (
    b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n'
    b"content-type: image/png\r\n\r\n" + picture(1, (8, 8)) + b"\r\n--x\r\n"
    b'content-disposition: form-data; name="encoding_format"\r\n\r\nfloat\r\n--x--\r\n'
)

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["data:image/png;base64,", "data:,x", "http://x/", "a" * 200, "\x00", "{}"])
)
documents = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                "text texts image images labels template query item weight limit offset filter input "
                "modality model positive negative id title attributes inputs data blob uri matches".split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
PATHS = (
    "/embed/text", "/embed/image", "/similarity", "/classify", "/v1/embeddings", "/vectorize",
    "/embed", "/post", "/collections/fuzz/items", "/collections/fuzz/search",
    "/collections/fuzz/recommend",
)  # fmt: skip


def in_order(answer) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert "json" in answer.headers["content-type"]
        assert answer.json()


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A form with some of its bytes removed, doubled or replaced."""
    form = bytearray(FORM)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(form) - 1)))
        match draw(st.sampled_from("cut drop twice replace".split())):
            case "cut":
                del form[at:]
            case "drop":
                del form[at : at + draw(st.integers(1, 30))]
            case "twice":
                form[at:at] = form[at : at + draw(st.integers(1, 60))]
            case _:
                form[at : at + 1] = draw(st.binary(min_size=1, max_size=4))
    return bytes(form)


@fuzz
@given(body=mangled() | st.binary(max_size=300))
@example(body=b"")
@example(body=FORM)
def test_multipart_bodies(client: TestClient, body: bytes) -> None:
    for kind in ("multipart/form-data; boundary=x", "multipart/form-data"):
        in_order(client.post("/embed/image", content=body, headers={"content-type": kind}))


@pytest.fixture(scope="module")
def fuzzed(client: TestClient) -> TestClient:
    client.put("/collections/fuzz")
    return client


@pytest.mark.parametrize("path", PATHS)
@settings(parent=fuzz, max_examples=15)
@given(document=documents)
def test_json_bodies(fuzzed: TestClient, path: str, document: object) -> None:
    in_order(fuzzed.post(path, json=document))


@fuzz
@given(
    body=st.binary(max_size=200)
    | st.sampled_from(
        [b"[" * 100_000, b'{"text":' * 5_000, b'{"text": "\\ud800"}', b'"\xff"', b"NaN"]
    ),
    path=st.sampled_from(PATHS),
)
def test_bodies_that_are_not_json(fuzzed: TestClient, body: bytes, path: str) -> None:
    in_order(fuzzed.post(path, content=body, headers={"content-type": "application/json"}))


@fuzz
@given(lines=st.lists(st.binary(max_size=40) | documents.map(lambda d: json.dumps(d).encode())))
def test_streams_of_lines(fuzzed: TestClient, lines: list[bytes]) -> None:
    answer = fuzzed.post(
        "/collections/fuzz/items",
        content=b"\n".join(lines),
        headers={"content-type": "application/x-ndjson"},
    )
    assert answer.status_code == 200, answer.text
