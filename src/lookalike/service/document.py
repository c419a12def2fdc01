"""Writes the OpenAPI document: `python -m lookalike.service.document docs/openapi.json`."""

import sys
from pathlib import Path

import orjson

from lookalike.service.app import create_app
from lookalike.settings import Settings


def document() -> bytes:
    """The document, as JSON with an end of line."""
    app = create_app(Settings())  # what the routes are doesn't depend on the settings
    return orjson.dumps(app.openapi(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(document())
