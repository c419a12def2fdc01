"""A folder of pictures, with its sub-folders as an attribute."""

import os
from collections.abc import Iterator
from pathlib import Path

from lookalike.catalog.items import Item
from lookalike.catalog.pictures import FilePicture
from lookalike.catalog.sources.entries import Entry, Rejected
from lookalike.errors import ItemInvalid, SourceInvalid

SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .webp .gif .bmp .tif .tiff .avif .heic .heif".split()
)

FOLDER = "folder"
"""The attribute: of `dresses/blue/1.jpg` it has the values `dresses` and `dresses/blue`."""


class FolderSource:
    """Every picture under a folder. Its id is its path from there. What begins with a dot is passed over, and
    links to folders are not followed, so that no circle is walked for ever.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Path(os.path.abspath(folder))  # noqa: PTH100 (resolve would follow links)

    @property
    def name(self) -> str:
        return str(self._folder)

    def total(self) -> int | None:
        return sum(1 for _ in self._walk(self._folder))

    def __iter__(self) -> Iterator[Entry | Rejected]:
        for path in self._walk(self._folder):
            relative = path.relative_to(self._folder).as_posix()
            folders = relative.split("/")[:-1]
            values = tuple("/".join(folders[: n + 1]) for n in range(len(folders)))
            try:
                item = Item(relative, str(path), attributes={FOLDER: values})
            except ItemInvalid as error:
                yield Rejected(ascii(relative), None, error)
            else:
                yield Entry(relative, item, FilePicture(path))

    def _walk(self, folder: Path) -> Iterator[Path]:
        """In the order of names, holding the names of one folder of each level at a time."""
        try:
            with os.scandir(folder) as found:
                names = sorted(
                    (entry.name, entry.is_dir(follow_symlinks=False))
                    for entry in found
                    if not entry.name.startswith(".")
                )
        except OSError as error:
            raise SourceInvalid(folder, (error.strerror or str(error)).lower()) from None
        for name, is_folder in names:
            if is_folder:
                yield from self._walk(folder / name)
            elif os.path.splitext(name)[1].lower() in SUFFIXES:  # noqa: PTH122
                yield folder / name
