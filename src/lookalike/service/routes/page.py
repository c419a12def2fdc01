"""The page: the static files of `web/`, as they are.

They hold nothing of the catalogue, so they need no key: the page asks for one itself.
"""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

FOLDER = Path(__file__).parents[2] / "web"
PREFIX = "/web/"
INDEX = "index.html"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""By suffix. Not from the machine's own table: on some, that says `text/plain` for scripts."""

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",  # pictures that are dropped, and thumbnails fetched with a key
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # The browser refuses to make markup of a string at all, so no title of a feed can become any.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

HEADERS: Mapping[str, str] = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # asked for anew each time, and answered with 304: a new version is never mixed with an old one
    "cache-control": "no-cache",
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    kind: str
    tag: str


@functools.cache
def names() -> frozenset[str]:
    """The files that are served, relative to `web/`. What is not among them is not looked for."""
    found = (path for path in FOLDER.rglob("*") if path.suffix in _TYPES)
    return frozenset(path.relative_to(FOLDER).as_posix() for path in found)


def open_paths() -> tuple[str, ...]:
    """The paths that need no key."""
    return ("/", *sorted(PREFIX + name for name in names()))


@functools.lru_cache(maxsize=256)
def _read(name: str, _modified: int) -> _Asset:
    body = (FOLDER / name).read_bytes()
    return _Asset(body, _TYPES[Path(name).suffix], f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _respond(request: Request, name: str) -> Response:
    asset = _read(name, (FOLDER / name).stat().st_mtime_ns)
    headers = {**HEADERS, "etag": asset.tag}
    known = request.headers.get("if-none-match", "")
    if asset.tag in {tag.strip().removeprefix("W/") for tag in known.split(",")}:
        return Response(status_code=304, headers=headers)
    return Response(asset.body, headers={**headers, "content-type": asset.kind})


@router.api_route("/", methods=["GET", "HEAD"])
async def index(request: Request) -> Response:
    """The page."""
    return _respond(request, INDEX)


@router.api_route(PREFIX + "{path:path}", methods=["GET", "HEAD"])
async def asset(path: str, request: Request) -> Response:
    """A file of the page."""
    if path not in names():
        raise HTTPException(404, "the page has no such file")
    return _respond(request, path)
