"""Counts of values over HTTP, on the real engine."""

import pytest
from fastapi.testclient import TestClient


@pytest.fixture(scope="module")
def shop(client: TestClient) -> TestClient:
    """Six items: words, numbers, a price with a fraction, and a yes or no."""
    client.put("/collections/shop")
    items = [
        {
            "id": f"sku-{n}",
            "title": f"shirt {n}",
            "attributes": {
                "colour": ["red", "white"] if n < 4 else "blue",
                "size": 40 + n % 2,
                "price": n + 0.5,
                "sale": n == 0,
            },
        }
        for n in range(6)
    ]
    assert client.post("/collections/shop/items", json=items).json()["added"] == 6
    return client


def facets(client: TestClient, **body: object) -> dict:
    answer = client.post("/collections/shop/facets", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["facets"]


def test_values_are_counted_the_most_frequent_first(shop: TestClient) -> None:
    assert facets(shop, fields=["colour", "size"]) == {
        "colour": [
            {"value": "red", "count": 4},
            {"value": "white", "count": 4},
            {"value": "blue", "count": 2},
        ],
        "size": [{"value": 40, "count": 3}, {"value": 41, "count": 3}],
    }


def test_without_fields_all_attributes_that_can_be_counted_are(shop: TestClient) -> None:
    assert facets(shop).keys() == {"colour", "size", "sale"}  # a price is not


def test_only_items_that_pass_the_filter_count_and_limit_cuts(shop: TestClient) -> None:
    cheap = facets(shop, fields=["colour"], filter={"price": {"lt": 2}}, limit=1)
    assert cheap == {"colour": [{"value": "red", "count": 2}]}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"fields": ["price"]}, 422, "facet_unavailable"),
        ({"fields": ["nothing"]}, 422, "facet_unavailable"),
        ({"fields": []}, 422, "request_invalid"),
        ({"limit": 1001}, 422, "request_invalid"),
        ({"filter": {"nothing": 1}}, 422, "filter_invalid"),
    ],
)
def test_what_cannot_be_counted_says_why(shop: TestClient, body, status, code) -> None:
    answer = shop.post("/collections/shop/facets", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_facets_of_a_collection_that_is_not_there_are_a_404(shop: TestClient) -> None:
    assert shop.post("/collections/nowhere/facets", json={}).status_code == 404
