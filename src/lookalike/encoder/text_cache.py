"""Vectors of texts that were asked for before: shop queries repeat."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class TextVector:
    """A text's unit vector, float32 `[dimension]`, and what became of the text on the way to it."""

    vector: NDArray[np.float32]
    tokens: int
    """Ids that the tower read, start and end among them."""
    truncated: bool


class TextCache:
    """The most recently used `size` vectors. Safe to use from many threads.

    A key is a hash of the fingerprint and the whole text, so memory doesn't depend on how long texts are.
    """

    def __init__(self, size: int, fingerprint: str) -> None:
        self._size = size
        self._salt = blake2b(fingerprint.encode(), digest_size=16).digest()
        self._kept: OrderedDict[bytes, TextVector] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, text: str) -> TextVector | None:
        """The text's vector, if it is here."""
        if not self._size:
            return None
        key = self._key(text)
        with self._lock:
            if found := self._kept.get(key):
                self._kept.move_to_end(key)
            return found

    def put(self, text: str, vector: TextVector) -> None:
        """Keep a vector, and let go of the one that was not used for longest."""
        if not self._size:
            return
        # a row of a batch would keep the whole batch
        own = TextVector(vector.vector.copy(), vector.tokens, vector.truncated)
        own.vector.flags.writeable = False
        with self._lock:
            self._kept[self._key(text)] = own
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def _key(self, text: str) -> bytes:
        return blake2b(
            text.encode("utf-8", "surrogatepass"), digest_size=16, key=self._salt
        ).digest()
