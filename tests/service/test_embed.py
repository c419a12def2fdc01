"""Texts and pictures to vectors, as the contract says."""

import base64

import numpy as np
import pytest
from fastapi.testclient import TestClient

from lookalike.encoder import Encoder
from tests.service.conftest import NAME, picture

LONG = "a very long text " * 60


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def data_uri(data: bytes) -> str:
    return f"data:image/png;base64,{b64(data)}"


def close(answer: object, expected: np.ndarray) -> None:
    np.testing.assert_allclose(np.array(answer, np.float32), expected, atol=2e-5)


def test_one_text_gives_one_embedding(client: TestClient, encoder: Encoder) -> None:
    answer = client.post("/embed/text", json={"text": "a red dress"})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["model"], body["dimension"], body["truncated"]) == (NAME, encoder.dimension, [])
    close(body["embedding"], encoder.encode_texts(["a red dress"])[0])


def test_several_texts_give_as_many_in_order(client: TestClient, encoder: Encoder) -> None:
    texts = ["a red dress", "", "blue jeans", "a red dress"]
    body = client.post("/embed/text", json={"texts": texts}).json()
    close(body["embeddings"], encoder.encode_texts(texts))
    assert body["errors"] == []


def test_text_longer_than_context_is_cut_and_reported(client: TestClient) -> None:
    body = client.post("/embed/text", json={"texts": ["short", LONG, "short too"]}).json()
    assert body["truncated"] == [1]
    assert client.post("/embed/text", json={"text": LONG}).json()["truncated"] == [0]


def test_vectors_come_as_base64_float32_when_asked(client: TestClient, encoder: Encoder) -> None:
    body = client.post("/embed/text", json={"text": "shoe", "encoding_format": "base64"}).json()
    close(
        np.frombuffer(base64.b64decode(body["embedding"]), "<f4"), encoder.encode_texts(["shoe"])[0]
    )


@pytest.mark.parametrize("encode", [b64, data_uri])
def test_picture_in_json(client: TestClient, encoder: Encoder, encode) -> None:
    body = client.post("/embed/image", json={"image": encode(picture(1))}).json()
    close(body["embedding"], encoder.encode_images([picture(1)])[0])


def test_one_file_gives_one_embedding_and_several_give_several(
    client: TestClient, encoder: Encoder
) -> None:
    one = client.post("/embed/image", files={"file": ("a.png", picture(1))}).json()
    close(one["embedding"], encoder.encode_images([picture(1)])[0])
    files = [("file", (f"{n}.png", picture(n))) for n in range(3)]
    several = client.post("/embed/image", files=files).json()
    close(several["embeddings"], encoder.encode_images([picture(n) for n in range(3)]))


def test_multipart_takes_the_encoding_format_too(client: TestClient, encoder: Encoder) -> None:
    answer = client.post(
        "/embed/image",
        files={"file": ("a.png", picture(1))},
        data={"encoding_format": "base64"},
    )
    vector = np.frombuffer(base64.b64decode(answer.json()["embedding"]), "<f4")
    close(vector, encoder.encode_images([picture(1)])[0])


def test_picture_that_fails_is_null_and_named_and_the_others_are_embedded(
    client: TestClient, encoder: Encoder
) -> None:
    images = [b64(picture(1)), b64(b"no picture"), "***", b64(picture(2))]
    answer = client.post("/embed/image", json={"images": images})
    assert answer.status_code == 200
    first, second, third, fourth = answer.json()["embeddings"]
    assert second is third is None
    close([first, fourth], encoder.encode_images([picture(1), picture(2)]))
    errors = answer.json()["errors"]
    assert [error["index"] for error in errors] == [1, 2]
    assert all(set(error) == {"index", "code", "detail"} for error in errors)
    assert errors[0]["code"] == "image_unreadable"


def test_when_all_pictures_fail_it_is_a_422_that_names_each(client: TestClient) -> None:
    answer = client.post("/embed/image", json={"images": [b64(b"x"), b64(b"y")]})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "all_failed"
    assert [error["index"] for error in problem["errors"]] == [0, 1]


def test_one_picture_that_fails_is_a_422_with_its_own_code(client: TestClient) -> None:
    problem = client.post("/embed/image", json={"image": b64(b"nothing")}).json()
    assert (problem["status"], problem["code"]) == (422, "image_unreadable")


def test_empty_body_and_both_forms_at_once_are_refused(client: TestClient) -> None:
    for body in ({}, {"text": "a", "texts": ["b"]}, {"texts": []}, {"txet": "a"}, [], "x", None):
        answer = client.post("/embed/text", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid"), body
    for body in ({}, {"image": "", "images": []}, {"images": []}, [1]):
        assert client.post("/embed/image", json=body).status_code == 422, body


def test_body_that_is_not_json_is_refused_without_repeating_it(client: TestClient) -> None:
    for path in ("/embed/text", "/embed/image", "/v1/embeddings"):
        answer = client.post(
            path, content=b'{"text": "secret words', headers={"content-type": "application/json"}
        )
        assert answer.status_code in (400, 422)
        assert "secret" not in answer.text


def test_body_of_another_kind_is_415(client: TestClient) -> None:
    answer = client.post("/embed/image", content=b"abc", headers={"content-type": "text/plain"})
    assert answer.status_code == 415
    assert answer.json()["accepted"] == ["application/json", "multipart/form-data"]


def test_similarity_of_texts_and_pictures(client: TestClient, encoder: Encoder) -> None:
    texts, pictures = ["a", "b c"], [picture(1), picture(2), picture(3)]
    images = [data_uri(one) for one in pictures]
    body = client.post("/similarity", json={"texts": texts, "images": images}).json()
    expected = encoder.encode_texts(texts) @ encoder.encode_images(pictures).T
    close(body["similarity"], expected)


@pytest.mark.filterwarnings("ignore::lookalike.encoder.TextCutWarning")
def test_similarity_of_two_lists_of_one_kind(client: TestClient, encoder: Encoder) -> None:
    body = client.post("/similarity", json={"texts": [["a"], ["a", LONG]]}).json()
    expected = encoder.encode_texts(["a"]) @ encoder.encode_texts(["a", LONG]).T
    close(body["similarity"], expected)
    assert body["truncated"] == [2]
    images = [[b64(picture(1))], [b64(picture(1)), b64(b"bad")]]
    body = client.post("/similarity", json={"images": images}).json()
    assert body["similarity"][0][0] == pytest.approx(1, abs=1e-4)
    assert body["similarity"][0][1] is None
    assert [error["index"] for error in body["errors"]] == [2]


def test_similarity_needs_two_sides(client: TestClient) -> None:
    for body in (
        {},
        {"texts": ["a"]},
        {"texts": [["a"], []]},
        {"texts": [["a"], ["b"]], "images": ["x"]},
    ):
        assert client.post("/similarity", json=body).status_code == 422, body


def test_classify_is_the_softmax_of_logit_scale_times_cosine(
    client: TestClient, encoder: Encoder
) -> None:
    labels = ["dress", "shoe", "bag"]
    prompts = [f"a picture of {label}!" for label in labels]
    body = {"labels": labels, "template": "a picture of {}!"}
    logits = encoder.card.logit_scale * (
        encoder.encode_images([picture(1), picture(2)]) @ encoder.encode_texts(prompts).T
    )
    expected = np.exp(logits - logits.max(1, keepdims=True))
    expected /= expected.sum(1, keepdims=True)

    one = client.post("/classify", json={**body, "image": b64(picture(1))}).json()
    np.testing.assert_allclose(one["probabilities"], expected[0], atol=1e-3)
    assert one["best"] == labels[int(expected[0].argmax())]
    images = [b64(picture(1)), b64(b"bad"), b64(picture(2))]
    several = client.post("/classify", json={**body, "images": images}).json()
    assert several["probabilities"][1] is None is several["best"][1]
    np.testing.assert_allclose(several["probabilities"][2], expected[1], atol=1e-3)
    assert several["errors"][0]["index"] == 1


def test_template_needs_a_place_for_the_label_and_formats_nothing_else(client: TestClient) -> None:
    image = b64(picture(1))
    refused = client.post("/classify", json={"image": image, "labels": ["a"], "template": "no"})
    assert refused.status_code == 422
    odd = {"image": image, "labels": ["a", "b"], "template": "{0.__class__} {} {x}"}
    assert client.post("/classify", json=odd).status_code == 200


def test_every_response_has_a_request_id_and_its_timing(client: TestClient) -> None:
    for answer in (
        client.post("/embed/image", json={"image": b64(picture(1))}),
        client.get("/healthz"),
        client.get("/nowhere"),
        client.post("/embed/text", json={}),
    ):
        assert len(answer.headers["x-request-id"]) == 32
        timing = answer.headers["server-timing"]
        for stage in ("queue", "decode", "inference", "search"):
            assert f"{stage};dur=" in timing
    mine = client.get("/healthz", headers={"x-request-id": "mine-1"})
    assert mine.headers["x-request-id"] == "mine-1"
    odd = client.get("/healthz", headers={"x-request-id": "no spaces allowed"})
    assert odd.headers["x-request-id"] != "no spaces allowed"


def test_timing_says_what_decoding_and_inference_took(client: TestClient) -> None:
    answer = client.post("/embed/image", json={"image": b64(picture(9, (900, 900)))})
    stages = dict(part.split(";dur=") for part in answer.headers["server-timing"].split(", "))
    assert float(stages["decode"]) > 0.5
    assert float(stages["inference"]) > 0.05
    total = sum(float(stages[s]) for s in ("queue", "decode", "inference", "search"))
    assert total <= float(stages["total"]) + 0.1
