"""The guide says what is there."""

import re
from pathlib import Path

from fastapi.testclient import TestClient

from lookalike.service.routes.health import _LIMITS
from lookalike.settings import Settings

GUIDE = (Path(__file__).parents[2] / "docs" / "service.md").read_text()


def test_guide_names_settings_that_there_are_and_none_that_there_are_not() -> None:
    known = {f"LOOKALIKE_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"LOOKALIKE_[A-Z_]+[A-Z]", GUIDE))
    assert named <= known
    for name in _LIMITS:
        assert name.upper() in GUIDE, name


def test_guide_names_every_metric(client: TestClient) -> None:
    client.post("/embed/text", json={"text": "x"})
    shown = client.get("/metrics").text
    for name in re.findall(r"^# TYPE (lookalike_\w+) (?!gauge.*_created)", shown, re.M):
        if not name.endswith("_created"):
            assert name in GUIDE, name


def test_guide_names_every_native_route(client: TestClient) -> None:
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        tags = {tag for operation in operations.values() for tag in operation["tags"]}
        if tags <= {"health", "embedding", "comparing", "collections", "search"}:
            assert path in GUIDE, path
