"""Bringing a model's files from the hub, with its own client: its mirrors, proxies and tokens work.

The client finds the files and makes the connections. The bytes are received here, for the client begins a file
anew when a process begins anew, and these files are large: what has arrived stays in the folder, and the next
attempt asks for the rest.
"""

import hashlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Protocol, TypeVar

from lookalike.errors import (
    DownloadDamaged,
    HubRefused,
    HubUnreachable,
    ModelNotCached,
    PullFailed,
)
from lookalike.models.bundle import sha256
from lookalike.models.layouts import huggingface, openclip
from lookalike.models.registry import ModelReference

T = TypeVar("T")

log = logging.getLogger(__name__)

_COMMON = (openclip.TOKENIZER, huggingface.PREPROCESSOR)
_OPENCLIP = (openclip.CONFIG, openclip.WEIGHTS, *_COMMON)
_HUGGINGFACE = (
    huggingface.CONFIG,
    huggingface.WEIGHTS,
    huggingface.SHARDS,
    "model-*-of-*.safetensors",
    *_COMMON,
)
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_PART = ".part"
_UNREACHABLE = 3
"""Attempts while nobody answers: without a network the user shall know it soon."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is made, and the seconds between; each pause is twice the one before.

    Counted anew whenever bytes arrive: a poor connection is no reason to give up.
    """

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0


DEFAULT_PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at the hub. `tag`: sha256 of its content, or git's sha1 of it; None if the hub doesn't say."""

    name: str
    url: str
    commit: str
    size: int | None
    tag: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of a model at one commit."""

    commit: str
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        """Bytes, as far as known."""
        return sum(file.size or 0 for file in self.files)


class Progress(Protocol):
    """Hears how a pull goes."""

    def stage(self, what: str, total: int | None = None) -> None:
        """Something begins: `downloading` with the bytes that are to come, `converting`, `checking`."""

    def advance(self, done: int) -> None:
        """So many more bytes are here."""


def endpoint() -> str:
    """The hub's address, as `HF_ENDPOINT` says."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def resolve(reference: ModelReference, patience: Patience = DEFAULT_PATIENCE) -> Snapshot:
    """The commit that a reference means now, and its files. Raises HubUnreachable, HubRefused, PullFailed."""
    # it takes a third of a second to import, which no start without a download should pay
    from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_url

    repository = reference.repository
    assert repository is not None, "only what is at a hub is asked for"

    def ask() -> Snapshot:
        facts = HfApi(endpoint=endpoint()).model_info(
            repository, revision=reference.revision, timeout=30
        )
        commit = str(facts.sha)
        names = {file.rfilename for file in facts.siblings or ()}
        wanted = _OPENCLIP if openclip.CONFIG in names else _HUGGINGFACE
        files = []
        for name in sorted(n for n in names if any(fnmatch(n, pattern) for pattern in wanted)):
            url = hf_hub_url(repository, name, revision=commit, endpoint=endpoint())
            told = get_hf_file_metadata(url)
            if told.commit_hash not in (None, commit):
                raise PullFailed(reference.name, f"{name} is of another commit than was asked for")
            files.append(RemoteFile(name, url, commit, told.size, told.etag))
        return Snapshot(commit, tuple(files))

    return _persist(reference, patience, ask)


def fetch(
    reference: ModelReference,
    snapshot: Snapshot,
    folder: Path,
    progress: Progress,
    patience: Patience = DEFAULT_PATIENCE,
) -> dict[str, str]:
    """Bring the files of a snapshot into `folder`; their sha256. What lies there from an earlier attempt is
    not fetched again.

    Raises HubUnreachable, HubRefused, DownloadDamaged, and OSError if the folder can't be written.
    """
    progress.stage("downloading", snapshot.size)
    hashes = {}
    for file in snapshot.files:
        target = folder / file.name
        if not target.exists():
            _fetch_checked(reference, file, target, progress, patience)
        else:
            progress.advance(target.stat().st_size)
        hashes[file.name] = sha256(target)
    return hashes


def _fetch_checked(
    reference: ModelReference,
    file: RemoteFile,
    target: Path,
    progress: Progress,
    patience: Patience,
) -> None:
    """A file that was continued and is wrong may have had a bad beginning: it is fetched once more, whole."""
    part = target.with_name(target.name + _PART)
    _copy_from_cache(reference, file, part)
    for last in (False, True):
        resumed = part.exists()
        _receive(reference, file, part, progress, patience)
        wrong = _difference(part, file)
        if wrong is None:
            part.replace(target)
            return
        progress.advance(-part.stat().st_size)
        part.unlink()
        if last or not resumed:
            raise DownloadDamaged(reference.name, file.name, wrong)


def _copy_from_cache(reference: ModelReference, file: RemoteFile, part: Path) -> None:
    """Take what other programs have fetched already out of the cache of the hub's client."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(str(reference.repository), file.name, revision=file.commit)
    if isinstance(found, str) and not part.exists():
        shutil.copyfile(found, part)


def _receive(
    reference: ModelReference, file: RemoteFile, part: Path, progress: Progress, patience: Patience
) -> None:
    """Append to `part` until it is complete."""
    from huggingface_hub import constants
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        build_hf_headers,
        get_session,
        hf_raise_for_status,
    )

    progress.advance(part.stat().st_size if part.exists() else 0)

    def ask() -> None:
        start = part.stat().st_size if part.exists() else 0
        if file.size is not None and start >= file.size:
            return
        headers = build_hf_headers() | {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
        with get_session().stream("GET", file.url, headers=headers, timeout=timeout) as response:
            hf_raise_for_status(response)
            if start and response.status_code != 206:  # it gives the whole file, so begin anew
                progress.advance(-start)
                start = 0
            with part.open("ab" if start else "wb") as out:
                try:
                    for (
                        chunk
                    ) in response.iter_bytes():  # as they come: none is lost if it breaks off
                        out.write(chunk)
                        progress.advance(len(chunk))
                except HTTPError as error:
                    raise _CutShort(file, out.tell()) from error
        arrived = part.stat().st_size
        if file.size is not None and arrived < file.size:
            raise _CutShort(file, arrived)

    _persist(reference, patience, ask, moved=lambda: part.stat().st_size if part.exists() else 0)


class _CutShort(Exception):
    """The answer ended before the file did."""

    def __init__(self, file: RemoteFile, arrived: int) -> None:
        self.file = file.name
        whole = f" of {file.size:,}" if file.size is not None else ""
        super().__init__(f"it breaks off after {arrived:,}{whole} bytes")


def _difference(path: Path, file: RemoteFile) -> str | None:
    """What is wrong with a file that has arrived; None if nothing is."""
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        return f"it has {size:,} bytes instead of {file.size:,}"
    if file.tag is None:
        return None
    if len(file.tag) == 64:
        found = sha256(path)
    elif len(file.tag) == 40:  # git's: small files that are in the repository itself
        digest = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
        digest.update(path.read_bytes())
        found = digest.hexdigest()
    else:  # a mirror's own idea of a tag
        return None
    return None if found == file.tag else f"its hash is {found}, and the hub says {file.tag}"


def _persist(
    reference: ModelReference,
    patience: Patience,
    ask: Callable[[], T],
    moved: Callable[[], int] = lambda: 0,
) -> T:
    """Ask until it works, as long as it makes sense to ask again."""
    from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]

    tries, wait, before = 0, patience.first_wait, moved()
    while True:
        pause = wait
        try:
            with _explained(reference):
                return ask()
        except (HubRefused, HubUnreachable, DownloadDamaged) as error:
            cause = error.__cause__
            again = isinstance(cause, _CutShort | HTTPError)
            if isinstance(cause, HfHubHTTPError):
                again = cause.response.status_code in _AGAIN
                pause = _asked_to_wait(cause) or wait
            if moved() > before:
                tries, wait, before = 0, patience.first_wait, moved()
            tries += 1
            nobody = isinstance(error, HubUnreachable)
            most = min(patience.attempts, _UNREACHABLE) if nobody else patience.attempts
            if not again or tries >= most or pause > patience.longest_wait:
                raise
            log.warning("%s; trying again in %.0f s", error, pause)
        time.sleep(pause)
        wait *= 2


def _asked_to_wait(error: Any) -> float | None:
    try:
        return float(error.response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None


@contextmanager
def _explained(reference: ModelReference) -> Iterator[None]:
    """Turn the client's errors into ours."""
    from huggingface_hub.errors import (  # type: ignore[attr-defined]
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        HTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    name, repository = reference.full_name, reference.repository
    try:
        yield
    except _CutShort as error:
        raise DownloadDamaged(name, error.file, str(error)) from error
    except OfflineModeIsEnabled as error:
        raise ModelNotCached(name, "HF_HUB_OFFLINE forbids to ask the hub") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if isinstance(error, GatedRepoError) or status == 403:
            reason = (
                f"access to {repository} must be granted: accept its terms on its page at "
                f"{endpoint()}/{repository}, and set HF_TOKEN"
            )
        elif isinstance(error, RevisionNotFoundError):
            reason = f"{repository} has no revision {reference.revision!r}"
        elif isinstance(error, RepositoryNotFoundError) and status == 404:
            reason = f"there is no {repository}; if it is private, set HF_TOKEN"
        elif status == 401:
            reason = f"there is no {repository}, or it needs a token: set HF_TOKEN to one that may read it"
        elif status == 429:
            reason = "too many requests from this address; wait some minutes, or set HF_TOKEN"
        elif status >= 500:
            reason = "it has a problem of its own; try again later"
        else:
            reason = _first_line(error)
        raise HubRefused(name, status, reason) from error
    except HFValidationError as error:
        raise PullFailed(name, f"the hub's client refuses it: {_first_line(error)}") from error
    except HTTPError as error:
        raise HubUnreachable(name, endpoint(), _first_line(error)) from error
    except ValueError as error:  # a login page of the network, or a proxy's own words
        raise PullFailed(
            name, f"what answers at {endpoint()} is no model hub: {_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
