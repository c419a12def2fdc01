"""With the built-in model, whose vectors mean something: a shop's questions get a shop's answers."""

import base64
import io

import pytest
from fastapi.testclient import TestClient
from PIL import Image, ImageDraw

COLOURS = {"red": "#d21f26", "green": "#2f9e3a", "blue": "#2456c7", "yellow": "#f4d71f"}
SHIRT = [(90, 60), (130, 75), (170, 75), (210, 60), (270, 110), (240, 150), (215, 130), (215, 260),
         (85, 260), (85, 130), (60, 150), (30, 110)]  # fmt: skip


def shirt(colour: str) -> str:
    """A data URI of a JPEG."""
    picture = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(picture).polygon(SHIRT, fill=COLOURS[colour])
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


@pytest.fixture
def shop(start) -> TestClient:
    from lookalike.service.state import load_encoder
    from tests.service.conftest import wait_until_loaded

    client = start(load=load_encoder, model_name="tiny", catalogue=True)
    wait_until_loaded(client.app.state.service)
    client.put("/collections/shirts")
    items = [{"id": colour, "image": shirt(colour), "attributes": {}} for colour in COLOURS]
    assert client.post("/collections/shirts/items", json=items).json()["added"] == len(COLOURS)
    return client


def test_words_find_the_picture_and_labels_fit_it(shop: TestClient) -> None:
    for colour in COLOURS:
        body = {"text": f"{colour} t-shirt", "limit": 1}
        hits = shop.post("/collections/shirts/search", json=body).json()["hits"]
        assert hits[0]["id"] == colour
        labels = [f"{one} t-shirt" for one in COLOURS]
        answer = shop.post("/classify", json={"image": shirt(colour), "labels": labels}).json()
        assert answer["best"] == f"{colour} t-shirt"
        assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-5)
