"""HTTP with a running service: JSON, lines, and files, and its problem documents as our errors."""

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from lookalike import errors
from lookalike.errors import ServiceRefused, ServiceUnreachable, SettingInvalid

_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_PATIENT = httpx.Timeout(None, connect=5.0)
"""For what takes as long as it takes: a file that is taken in, a job."""

_CHUNK = 2**20
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds to wait when the service has too much to do and doesn't say for how long."""

_NO_ROUTE = frozenset({httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED})
_NO_ROUTE_CODES = ("not_found", "method_not_allowed")


class Connection:
    """To the service at `url`. Every method raises ServiceUnreachable, and what the service refused with.

    `transport` is where tests plug in.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise SettingInvalid("--url", f"{url!r} doesn't begin with http:// or https://")
        self.url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=self.url,
            timeout=_TIMEOUT,
            transport=transport,
            headers={"authorization": f"Bearer {api_key}"} if api_key else {},
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def json(self, method: str, path: str, **request: Any) -> Any:
        """The answer, {} if it is empty."""
        with self._talking():
            for pause in (*_PAUSES, None):
                answer = self._http.request(method, path, **request)
                if answer.status_code != httpx.codes.TOO_MANY_REQUESTS or pause is None:
                    break
                time.sleep(_retry_after(answer) or pause)
            self._check(answer)
            if not answer.content:
                return {}
            try:
                return answer.json()
            except ValueError:
                reason = "the answer is not JSON, so this is no Lookalike service"
                raise ServiceRefused(self.url, answer.status_code, reason) from None

    def lines(self, method: str, path: str, **request: Any) -> Iterator[dict[str, Any]]:
        """The answer's lines of JSON, as they come; one that says `error` is raised."""
        with self._stream(method, path, **request) as answer:
            for line in answer.iter_lines():
                if line:
                    value: dict[str, Any] = json.loads(line)
                    if "error" in value:
                        raise self._error(int(value["error"].get("status", 500)), value["error"])
                    yield value

    def content(self, path: str) -> bytes | None:
        """What is there; None if nothing is."""
        with self._talking():
            answer = self._http.get(path)
        return answer.content if answer.status_code == httpx.codes.OK else None

    def save(self, path: str, to: Path, stop: threading.Event | None = None) -> int:
        """Write the answer to a file, which appears when it is complete; how many items it says it holds."""
        part = to.with_name(f".{to.name}.{os.getpid()}.part")
        try:
            with self._stream("GET", path) as answer:
                with part.open("wb") as file:
                    for chunk in answer.iter_bytes(_CHUNK):
                        if stop and stop.is_set():
                            return 0
                        file.write(chunk)
                items = int(answer.headers.get("x-items", "0"))
            part.replace(to)
        finally:
            part.unlink(missing_ok=True)
        return items

    def send_file(
        self, path: str, source: Path, stop: threading.Event | None = None
    ) -> dict[str, Any]:
        """Send a file. Raises SettingInvalid where it can't be read, KeyboardInterrupt when told to stop."""

        def chunks(file: BinaryIO) -> Iterator[bytes]:
            while chunk := file.read(_CHUNK):
                if stop and stop.is_set():
                    raise KeyboardInterrupt  # an unfinished body is refused by the service as a whole
                yield chunk

        try:
            with source.open("rb") as file:
                sent = chunks(file)
                answer: dict[str, Any] = self.json("PUT", path, content=sent, timeout=_PATIENT)
                return answer
        except OSError as error:
            raise SettingInvalid(str(source), (error.strerror or str(error)).lower()) from None

    @contextmanager
    def _stream(self, method: str, path: str, **request: Any) -> Iterator[httpx.Response]:
        for pause in (*_PAUSES, None):
            with (
                self._talking(),
                self._http.stream(method, path, timeout=_PATIENT, **request) as answer,
            ):
                if answer.status_code != httpx.codes.TOO_MANY_REQUESTS or pause is None:
                    self._check(answer)
                    yield answer
                    return
                wait = _retry_after(answer) or pause
            time.sleep(wait)

    @contextmanager
    def _talking(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            raise ServiceUnreachable(self.url, str(error) or type(error).__name__) from None

    def _check(self, answer: httpx.Response) -> None:
        """Raises what a problem document says."""
        if answer.status_code < httpx.codes.BAD_REQUEST:
            return
        answer.read()
        try:
            problem = answer.json()
        except ValueError:
            problem = {}
        if not isinstance(problem, dict):
            problem = {}
        if answer.status_code in _NO_ROUTE and problem.get("code") in (None, *_NO_ROUTE_CODES):
            reason = "it has no route for this; stop it, and run the command on its machine, without --url"
            raise ServiceRefused(self.url, answer.status_code, reason)
        raise self._error(answer.status_code, problem, answer.reason_phrase)

    def _error(self, status: int, problem: Mapping[str, Any], phrase: str = "") -> Exception:
        """Ours where the command line would say the same of a catalogue of its own; else ServiceRefused."""
        try:
            match problem.get("code"):
                case "collection_missing":
                    return errors.CollectionMissing(problem["name"], problem["known"])
                case "collection_exists":
                    return errors.CollectionExists(problem["name"])
                case "item_missing":
                    return errors.ItemMissing(
                        problem["collection"], problem["id"], problem["reason"]
                    )
                case "filter_invalid":
                    return errors.FilterInvalid(problem["attribute"], problem["reason"])
                case "query_invalid":
                    return errors.QueryInvalid(problem["reason"])
                case "facet_unavailable":
                    return errors.FacetUnavailable(problem["attribute"], problem["reason"])
                case "reindex_incomplete":
                    named = ("collection", "failed", "items", "beside")
                    return errors.ReindexIncomplete(*(problem[name] for name in named))
        except (KeyError, TypeError):  # another version's
            pass
        reason = problem.get("detail") or problem.get("title") or phrase
        return ServiceRefused(self.url, status, str(reason))


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds, at most half a minute, where the service says so."""
    said = answer.headers.get("retry-after", "")
    return min(float(said), 30.0) if said.isdecimal() else None
