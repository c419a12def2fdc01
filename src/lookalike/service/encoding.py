"""The encoder as the catalogue sees it inside the service: its queries go through the batcher like all others.

What a call asks (a search) takes its turn in the queue, uses the cache, and is dropped with its call. What
ingest asks in its own threads works for no call: it goes to the model directly, in its own batches, and is
never refused.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.encoder import Encoder, TextCutWarning
from lookalike.encoder.batcher import Batcher
from lookalike.encoder.tickets import Ticket
from lookalike.errors import LookalikeError
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
        return self._encoder.encode_pixels(pixels)

    def encode_images(self, pictures: Sequence[bytes]) -> Vectors:
        """Of picture files."""
        call = calls.current()
        if call is None:
            return self._encoder.encode_images(pictures)
        sized = [(picture, len(picture)) for picture in pictures]
        return self._wait(call, self._batcher.images(sized, deadline=call.deadline))

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Of strings."""
        call = calls.current()
        if call is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", TextCutWarning)  # descriptions often are longer
                return self._encoder.encode_texts(texts)
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
        return np.stack([one for one in answer.results if not isinstance(one, LookalikeError)])
