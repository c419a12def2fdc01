"""Other systems' clients, on this service: OpenAI's own, and bodies as the others send them."""

import asyncio
import base64
from collections.abc import Iterator

import httpx
import numpy as np
import openai
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lookalike.encoder import Encoder
from tests.service.conftest import NAME, URL, picture

LONG = "a very long text " * 60


def b64(seed: int) -> str:
    return base64.b64encode(picture(seed)).decode()


def uri(seed: int) -> str:
    return f"data:image/png;base64,{b64(seed)}"


def close(answer: object, expected: np.ndarray) -> None:
    np.testing.assert_allclose(np.array(answer, np.float32), expected, atol=2e-5)


@pytest.fixture(scope="module")
def api(client: TestClient) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{URL}/v1", api_key="none", http_client=client, max_retries=0
    ) as opened:
        yield opened


def test_openai_client_embeds_texts(api: openai.OpenAI, encoder: Encoder) -> None:
    # it asks for base64 unless told otherwise, and decodes that itself
    answer = api.embeddings.create(model=NAME, input=["a red dress", "blue jeans"])
    close(
        [one.embedding for one in answer.data], encoder.encode_texts(["a red dress", "blue jeans"])
    )
    assert [one.index for one in answer.data] == [0, 1]
    assert answer.model == NAME
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 4
    one = api.embeddings.create(model=NAME, input="a red dress", encoding_format="float")
    close(one.data[0].embedding, encoder.encode_texts(["a red dress"])[0])


def test_openai_client_gets_base64_when_it_asks_for_it(
    api: openai.OpenAI, encoder: Encoder
) -> None:
    answer = api.embeddings.create(model=NAME, input="shoe", encoding_format="base64")
    raw = answer.data[0].embedding
    assert isinstance(raw, str)
    close(np.frombuffer(base64.b64decode(raw), "<f4"), encoder.encode_texts(["shoe"])[0])


def test_openai_client_embeds_pictures_as_data_uris_among_texts(
    api: openai.OpenAI, encoder: Encoder
) -> None:
    answer = api.embeddings.create(model=NAME, input=[uri(1), "a dress", uri(2)])
    close([answer.data[0].embedding, answer.data[2].embedding],
          encoder.encode_images([picture(1), picture(2)]))  # fmt: skip
    close(answer.data[1].embedding, encoder.encode_texts(["a dress"])[0])


def test_openai_client_may_ask_for_the_models_own_dimension_only(
    api: openai.OpenAI, encoder: Encoder
) -> None:
    api.embeddings.create(model=NAME, input="x", dimensions=encoder.dimension)
    with pytest.raises(openai.BadRequestError, match="dimensions"):
        api.embeddings.create(model=NAME, input="x", dimensions=encoder.dimension - 1)


def test_openai_client_raises_its_own_exceptions(api: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        api.embeddings.create(model="text-embedding-3-small", input="x")
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as bad:
        api.embeddings.create(model=NAME, input=["data:image/png;base64,AAAA"])
    assert bad.value.code == "image_unreadable"
    assert bad.value.type == "invalid_request_error"
    for wrong in ([], 7, [1, 2], [{"x": "y"}]):
        with pytest.raises(openai.BadRequestError):
            api.embeddings.create(model=NAME, input=wrong)  # type: ignore[arg-type]


def test_openai_client_is_told_of_keys_and_load_by_its_own_exceptions(start) -> None:
    guarded = start(api_keys="a-long-secret-key")
    wrong = openai.OpenAI(base_url=f"{URL}/v1", api_key="no", http_client=guarded, max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        wrong.embeddings.create(model=NAME, input="x")
    right = wrong.with_options(api_key="a-long-secret-key")
    assert right.embeddings.create(model=NAME, input="x").data
    full = start(max_requests=0)
    with pytest.raises(openai.RateLimitError) as refused:
        openai.OpenAI(
            base_url=f"{URL}/v1", api_key="x", http_client=full, max_retries=0
        ).embeddings.create(model=NAME, input="x")
    assert refused.value.response.headers["retry-after"] == "1"


def test_openai_async_client(client: TestClient, app: FastAPI, encoder: Encoder) -> None:
    async def embed() -> list[list[float]]:
        transport = httpx.ASGITransport(app)
        async with openai.AsyncOpenAI(
            base_url=f"{URL}/v1", api_key="x", http_client=httpx.AsyncClient(transport=transport)
        ) as api:
            calls = [api.embeddings.create(model=NAME, input=f"number {n}") for n in range(20)]
            return [answer.data[0].embedding for answer in await asyncio.gather(*calls)]

    close(asyncio.run(embed()), encoder.encode_texts([f"number {n}" for n in range(20)]))


def test_openai_client_lists_models(api: openai.OpenAI) -> None:
    assert NAME in [model.id for model in api.models.list()]
    assert api.models.retrieve(NAME).id == NAME
    with pytest.raises(openai.NotFoundError):
        api.models.retrieve("gpt")


def test_openai_text_that_was_cut_is_reported(client: TestClient) -> None:
    body = {"model": NAME, "input": [uri(1), "short", LONG]}
    assert client.post("/v1/embeddings", json=body).json()["truncated"] == [2]


def test_other_names_of_the_model_can_be_allowed(start) -> None:
    client = start(model_aliases="text-embedding-3-small, clip")
    assert client.post("/v1/embeddings", json={"model": "clip", "input": "x"}).status_code == 200
    assert client.post("/v1/embeddings", json={"model": "other", "input": "x"}).status_code == 404
    anything = start(model_aliases="*")
    assert anything.post("/v1/embeddings", json={"model": "q", "input": "x"}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/embeddings", "/embeddings"])
def test_infinity_modality(client: TestClient, encoder: Encoder, path: str) -> None:
    # as Infinity's own documentation has its requests
    body = {
        "model": NAME,
        "encoding_format": "float",
        "user": "string",
        "input": [b64(1), uri(2)],
        "modality": "image",
    }
    answer = client.post(path, json=body).json()
    close(
        [one["embedding"] for one in answer["data"]],
        encoder.encode_images([picture(1), picture(2)]),
    )
    texts = {"model": NAME, "input": ["a cat"], "modality": "text"}
    close(
        client.post(path, json=texts).json()["data"][0]["embedding"],
        encoder.encode_texts(["a cat"])[0],
    )
    audio = client.post(path, json={**texts, "modality": "audio"})
    assert audio.status_code == 400
    assert audio.json()["error"]["type"] == "invalid_request_error"


def test_infinity_health_and_models(client: TestClient) -> None:
    assert client.get("/health").json()["unix"] > 1e9
    assert client.get("/models").json()["data"][0]["id"] == NAME


def test_openai_input_of_objects(client: TestClient, encoder: Encoder) -> None:
    body = {"model": NAME, "input": [{"text": uri(1)}, {"image": b64(1)}]}
    first, second = client.post("/v1/embeddings", json=body).json()["data"]
    close(second["embedding"], encoder.encode_images([picture(1)])[0])
    assert first["embedding"] != second["embedding"]


def test_weaviate_vectorizes(client: TestClient, encoder: Encoder) -> None:
    # as its Go client sends them: both lists always, empty or not
    body = client.post("/vectorize", json={"texts": ["a", "b"], "images": [b64(3)]}).json()
    assert set(body) == {"textVectors", "imageVectors"}
    close(body["textVectors"], encoder.encode_texts(["a", "b"]))
    close(body["imageVectors"], encoder.encode_images([picture(3)]))
    only = client.post("/vectorize", json={"texts": ["a"], "images": None}).json()
    assert only["imageVectors"] == []
    bad = client.post("/vectorize", json={"texts": [], "images": ["AAAA"]})
    assert bad.status_code == 422
    assert set(bad.json()) == {"error"}


def test_weaviate_is_told_that_it_lives_is_ready_and_what_it_is(client: TestClient) -> None:
    for path in ("/.well-known/live", "/.well-known/ready"):
        answer = client.get(path)
        assert (answer.status_code, answer.content) == (204, b"")
    assert client.get("/meta").json()["name"] == NAME


def test_tei_embeds(client: TestClient, encoder: Encoder) -> None:
    body = {"inputs": ["What is Deep Learning?", "x"], "normalize": True, "truncate": False}
    close(client.post("/embed", json=body).json(), encoder.encode_texts(body["inputs"]))
    close(client.post("/embed", json={"inputs": "x"}).json(), encoder.encode_texts(["x"]))


def test_tei_cuts_unless_told_not_to(client: TestClient) -> None:
    cut = client.post("/embed", json={"inputs": ["x", LONG]})
    assert cut.headers["x-truncated"] == "1"
    refused = client.post("/embed", json={"inputs": ["x", LONG], "truncate": False})
    assert refused.status_code == 422
    assert refused.json()["error_type"] == "validation"
    assert client.post("/embed", json={"inputs": []}).json()["error_type"] == "validation"


def test_clip_as_service_embeds(client: TestClient, encoder: Encoder) -> None:
    body = {
        "data": [{"text": "First do it"}, {"uri": uri(1)}, {"blob": b64(2), "id": "mine"}],
        "execEndpoint": "/",
    }
    answer = client.post("/post", json=body).json()
    first, second, third = answer["data"]
    assert first["text"] == "First do it"
    assert third["id"] == "mine"
    assert answer["header"]["execEndpoint"] == "/"
    close(first["embedding"], encoder.encode_texts(["First do it"])[0])
    close([second["embedding"], third["embedding"]],
          encoder.encode_images([picture(1), picture(2)]))  # fmt: skip


def test_clip_as_service_ranks(client: TestClient, encoder: Encoder) -> None:
    labels = ["a cat", "a dog", "a red dress"]
    root = {"blob": b64(1), "matches": [{"text": label} for label in labels]}
    answer = client.post("/post", json={"data": [root], "execEndpoint": "/rank"}).json()
    matches = answer["data"][0]["matches"]
    cosines = encoder.encode_texts(labels) @ encoder.encode_images([picture(1)])[0]
    best = [labels[i] for i in np.argsort(-cosines)]
    assert [match["text"] for match in matches] == best
    values = [match["scores"]["clip_score"]["value"] for match in matches]
    assert sum(values) == pytest.approx(1)
    assert values == sorted(values, reverse=True)
    assert matches[0]["scores"]["clip_score_cosine"]["value"] == pytest.approx(
        cosines.max(), abs=1e-4
    )
    unmatched = client.post("/post", json={"data": [{"text": "x"}], "execEndpoint": "/rank"})
    assert unmatched.status_code == 422
    assert unmatched.json()["header"]["status"]["description"]
