"""Where an item's picture is, and how its bytes are got.

What a feed says of a picture is read into one of four kinds. Only a feed on this machine, given by its
owner, may name files: then a path is relative to the feed, or absolute, as its owner likes. A feed that is
someone else's can be confined to its own folder (`inside`), symbolic links followed first.
"""

import base64
import binascii
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from lookalike.catalog.fetch import Fetcher
from lookalike.errors import ImageTooManyBytes, PictureUnavailable


@dataclass(frozen=True, slots=True)
class FilePicture:
    """A file of this machine."""

    path: Path

    @property
    def reference(self) -> str:
        """What is kept in the record."""
        return str(self.path)


@dataclass(frozen=True, slots=True)
class UrlPicture:
    """A picture of the web."""

    url: str

    @property
    def reference(self) -> str:
        """What is kept in the record."""
        return self.url


@dataclass(frozen=True, slots=True)
class DataPicture:
    """A data URI; decoded only when read."""

    uri: str

    @property
    def reference(self) -> None:
        """Nothing is kept: the picture has no other place than the feed."""
        return


@dataclass(frozen=True, slots=True)
class BytesPicture:
    """The picture itself, as Parquet files carry it. `name` is for messages."""

    data: bytes
    name: str = "in the feed"

    @property
    def reference(self) -> None:
        """Nothing is kept: the picture has no other place than the feed."""
        return


Picture = FilePicture | UrlPicture | DataPicture | BytesPicture


def picture_of(text: str, base: Path | None) -> Picture:
    """What a feed's text refers to: a data URI, a URL, or a path relative to `base`, where the feed is.

    With no base, as for items that come over HTTP, there are no paths. Raises PictureUnavailable.
    """
    scheme = text[:8].partition(":")[0].lower()
    if scheme == "data":
        return DataPicture(text)
    if scheme in ("http", "https"):
        return UrlPicture(text)
    if base is None:
        raise PictureUnavailable(
            _short(text), "must be a data URI or a URL; paths are not read here"
        )
    if "\0" in text:
        raise PictureUnavailable(_short(text), "is not a path")
    if text.startswith("file://"):
        text = unquote(urlsplit(text).path)
    return FilePicture(Path(os.path.normpath(base / text)))


def decode_data_uri(uri: str, max_bytes: int) -> bytes:
    """The bytes of a data URI. Raises PictureUnavailable, ImageTooManyBytes."""
    head, comma, body = uri.partition(",")
    if not comma:
        raise PictureUnavailable(_short(uri), "is not a data URI")
    if not head.lower().endswith(";base64"):
        data = unquote_to_bytes(body)
    else:
        if len(body) // 4 * 3 > max_bytes + 3:
            raise ImageTooManyBytes(len(body) // 4 * 3, max_bytes)
        try:
            data = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            raise PictureUnavailable(_short(uri), "is not valid base64") from None
    if len(data) > max_bytes:
        raise ImageTooManyBytes(len(data), max_bytes)
    return data


class PictureReader:
    """Gets the bytes of pictures, at most `max_bytes` of each. Safe to use from many threads.

    `fetcher`: None refuses URLs. `inside`: the one folder that files may be in.
    """

    def __init__(
        self, max_bytes: int, fetcher: Fetcher | None = None, inside: Path | None = None
    ) -> None:
        self._max_bytes, self._fetcher = max_bytes, fetcher
        self._inside = inside.resolve() if inside else None

    @property
    def fetches(self) -> bool:
        """Whether pictures may come from the network, which is slow."""
        return self._fetcher is not None

    @property
    def inside(self) -> Path | None:
        """The one folder that files may be in."""
        return self._inside

    def read(self, picture: Picture) -> bytes:
        """The picture file's bytes. Raises PictureUnavailable, FetchError, ImageTooManyBytes."""
        match picture:
            case FilePicture(path):
                return self._file(path)
            case UrlPicture(url):
                if self._fetcher is None:
                    raise PictureUnavailable(
                        url, "URLs are not fetched unless that is allowed (--allow-urls)"
                    )
                return self._fetcher.fetch(url)
            case DataPicture(uri):
                return decode_data_uri(uri, self._max_bytes)
            case BytesPicture(data):
                if len(data) > self._max_bytes:
                    raise ImageTooManyBytes(len(data), self._max_bytes)
                return data

    def _file(self, path: Path) -> bytes:
        try:
            real = path
            if self._inside is not None:
                real = path.resolve()
                if not real.is_relative_to(self._inside):
                    raise PictureUnavailable(str(path), f"is outside of {self._inside}")
            # a pipe or a device would block for ever, or never end
            opened = os.open(real, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            with os.fdopen(opened, "rb") as file:
                facts = os.fstat(file.fileno())
                if not stat.S_ISREG(facts.st_mode):
                    raise PictureUnavailable(str(path), "is not a file")
                if facts.st_size > self._max_bytes:
                    raise ImageTooManyBytes(facts.st_size, self._max_bytes)
                return file.read(self._max_bytes)
        except FileNotFoundError:
            raise PictureUnavailable(str(path), "there is no such file") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise PictureUnavailable(str(path), reason.lower()) from None


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
