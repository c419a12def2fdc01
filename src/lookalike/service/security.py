"""API keys, and the names by which the service may be addressed. Checked before a body is read."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from lookalike.errors import HostRefused, KeyRefused, LookalikeError, ScopeRefused, SettingInvalid
from lookalike.service.problems import problem_of, respond
from lookalike.settings import Settings

Right = Literal["read", "write"]
LOOPBACK = "127.0.0.1"
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

HEALTH = frozenset({"/healthz", "/readyz", "/health", "/.well-known/live", "/.well-known/ready"})
METRICS = frozenset({"/metrics", "/errors"})
_READING_POSTS = re.compile(r"/collections/[^/]+/(search|recommend|facets|duplicates)")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys, by their hashes: the keys themselves are not kept."""

    rights: Mapping[bytes, Right]

    @classmethod
    def of(cls, settings: Settings) -> "Keys":
        """Those of the settings. Raises SettingInvalid."""
        lines = settings.api_keys.split(",") if settings.api_keys else []
        if settings.api_keys_file is not None:
            try:
                text = settings.api_keys_file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is not UTF-8"
                raise SettingInvalid(
                    "LOOKALIKE_API_KEYS_FILE", f"can't be read: {reason}"
                ) from None
            lines += [line.split("#")[0] for line in text.splitlines()]
        return cls(dict(filter(None, map(_parse, lines))))

    def right_of(self, key: str) -> Right | None:
        """What a key may do; in a time that doesn't tell how nearly it is one of ours."""
        given = _hash(key)
        found: Right | None = None
        for known, right in self.rights.items():
            if hmac.compare_digest(known, given):
                found = right
        return found


def _parse(text: str) -> tuple[bytes, Right] | None:
    text = text.strip()
    if not text:
        return None
    scope, colon, key = text.partition(":")
    right: Right = "write"
    if colon and scope in ("read", "write"):
        right = "read" if scope == "read" else "write"
        text = key.strip()
    if len(text) < 8:
        raise SettingInvalid("LOOKALIKE_API_KEYS", "a key must have at least 8 characters")
    return _hash(text), right


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def bind_address(settings: Settings) -> str:
    """Where to listen: without keys and unless told otherwise, only where this machine alone can reach."""
    if settings.host is not None:
        return settings.host
    return "0.0.0.0" if Keys.of(settings).rights else LOOPBACK  # noqa: S104 (there are keys)


def allowed_hosts(settings: Settings) -> frozenset[str] | None:
    """The names that requests may use; None: any.

    On loopback without keys the only guard is that nobody else can connect, and a browser on this machine
    can: a page whose own name is made to resolve to 127.0.0.1 would pass for the service's own.
    """
    if settings.allowed_hosts:
        return frozenset(name.strip().lower() for name in settings.allowed_hosts.split(",")) - {""}
    if bind_address(settings) in (LOOPBACK, "::1", "localhost") and not Keys.of(settings).rights:
        return _LOCAL_NAMES
    return None


def right_for(method: str, path: str) -> Right:
    """What a request needs. Whatever isn't known to only read is a write."""
    if method in ("GET", "HEAD", "OPTIONS"):
        return "read"
    if path.startswith("/collections"):
        return "read" if method == "POST" and _READING_POSTS.fullmatch(path) else "write"
    return "read" if method == "POST" else "write"


class Guard:
    """ASGI: lets pass whom the settings let pass."""

    def __init__(
        self, app: ASGIApp, settings: Settings, open_paths: Sequence[str] = ("/",)
    ) -> None:
        self.app = app
        self._keys = Keys.of(settings)
        self._hosts = allowed_hosts(settings)
        self._open = frozenset(open_paths)
        if settings.open_health:
            self._open |= HEALTH
        if settings.open_metrics:
            self._open |= METRICS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer why not."""
        if scope["type"] == "http" and (refusal := self._refusal(scope)) is not None:
            await respond(problem_of(refusal), scope["path"])(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> LookalikeError | None:
        headers = Headers(scope=scope)
        if self._hosts is not None:
            host = _host_name(headers.get("host", ""))
            if host not in self._hosts:
                return HostRefused(host[:100])
        if not self._keys.rights or scope["path"] in self._open:
            return None
        right = self._keys.right_of(_presented(headers))
        if right is None:
            return KeyRefused()
        needed = right_for(scope["method"], scope["path"])
        return ScopeRefused(needed) if needed == "write" and right == "read" else None


def _presented(headers: Headers) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if key:
        return key.strip() if scheme.lower() == "bearer" else ""
    # x-api-key is what browsers' and shops' tools send; a bare Authorization is clip-as-service's way
    return headers.get("x-api-key", "") or scheme


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
