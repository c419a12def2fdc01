"""The encoder as the catalogue sees it inside the service: its queries go through the batcher like all others.

What a call asks (a search) takes its turn in the queue, uses the cache, and is dropped with its call. What
ingest asks in its own threads works for no call: it goes after all that people wait for, waits for room instead
of being refused, and is watched like the rest.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.encoder import Encoder
from lookalike.encoder.batcher import Batcher
from lookalike.encoder.tickets import Ticket
from lookalike.errors import ImageError, LookalikeError
from lookalike.models.cards import ModelCard
from lookalike.service import calls

Vectors = NDArray[np.float32]


class BatchedEncoder:
    """Keeps `catalog.encoding.Encoder`."""

    def __init__(self, encoder: Encoder, batcher: Batcher) -> None:
        self._encoder, self._batcher = encoder, batcher

    @property
    def card(self) -> ModelCard:
        return self._encoder.card

    @property
    def fingerprint(self) -> str:
        return self._encoder.fingerprint

    @property
    def dimension(self) -> int:
        return self._encoder.dimension

    @property
    def images(self) -> Any:
        return self._encoder.images

    def encode_pixels(self, pixels: NDArray[np.uint8]) -> Vectors:
        """Of `[n, height, width, 3]`."""
        return self._stacked(self._batcher.background_pixels(pixels))

    def encode_images(self, pictures: Sequence[bytes]) -> Vectors:
        """Of picture files."""
        call = calls.current()
        if call is None:
            return self._in_background(pictures)
        sized = [(picture, len(picture)) for picture in pictures]
        return self._wait(call, self._batcher.images(sized, deadline=call.deadline))

    def _in_background(self, pictures: Sequence[bytes]) -> Vectors:
        ready: list[NDArray[np.uint8]] = []
        for pixels in self._encoder.prepare_images(pictures):
            if isinstance(pixels, ImageError):
                raise pixels
            ready.append(pixels)
        return (
            self._stacked(self._batcher.background_pixels(np.stack(ready)))
            if ready
            else self._stacked([])
        )

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Of strings."""
        call = calls.current()
        if call is None:
            return self._stacked(self._batcher.background_texts(texts))
        return self._wait(call, self._batcher.texts(texts, deadline=call.deadline))

    def _wait(self, call: calls.Call, ticket: Ticket) -> Vectors:
        call.tickets.append(ticket)
        if call.gone:
            ticket.cancel()
        answer = ticket.future.result()
        call.took(answer.timing)
        for result in answer.results:
            if isinstance(result, LookalikeError):
                raise result
        return self._stacked([one for one in answer.results if not isinstance(one, LookalikeError)])

    def _stacked(self, rows: Sequence[Vectors]) -> Vectors:
        return np.stack(rows) if rows else np.empty((0, self.dimension), np.float32)
