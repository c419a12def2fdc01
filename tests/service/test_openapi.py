"""The document, and that the service keeps it whatever it is sent."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import orjson
import pytest
import requests
import schemathesis
from fastapi import FastAPI
from schemathesis import APIOperation, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from lookalike.service.document import document
from tests.service.conftest import listening

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SKIPPED = {"/metrics"}
"""Of no JSON, and without input."""


def test_committed_document_is_true() -> None:
    assert DOCUMENT.read_bytes() == document(), (
        "run: python -m lookalike.service.document docs/openapi.json"
    )


def test_every_request_of_the_document_has_an_example_and_every_route_a_summary() -> None:
    described = orjson.loads(document())
    schemas = described["components"]["schemas"]
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if body and "$ref" in body["schema"]:
                assert schemas[body["schema"]["$ref"].split("/")[-1]].get("examples"), path


@pytest.fixture(scope="module")
def url(app: FastAPI) -> Iterator[str]:
    """A service with what the document's examples refer to."""
    with listening(app) as url:
        requests.put(f"{url}/collections/products", timeout=10)
        item = {"id": "sku-1", "title": "a red dress", "attributes": {"colour": "red"}}
        requests.post(f"{url}/collections/products/items", json=[item], timeout=10)
        yield url


def operations() -> list[APIOperation]:
    schema = schemathesis.openapi.from_dict(orjson.loads(DOCUMENT.read_bytes()))
    found = [result.ok() for result in schema.get_all_operations()]
    return [one for one in found if one.path not in SKIPPED]


@pytest.mark.parametrize("mode", list(GenerationMode), ids=["as documented", "otherwise"])
@pytest.mark.parametrize("operation", operations(), ids=lambda one: one.label)
def test_whatever_is_sent_is_answered_as_documented(
    url: str, operation: APIOperation, mode: GenerationMode
) -> None:

    @hypothesis.settings(
        max_examples=6,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def send(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=url, session=session, checks=CHECKS)

    try:
        with requests.Session() as session:
            send()
    except hypothesis.errors.Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "a route without input can't be sent a wrong one"
