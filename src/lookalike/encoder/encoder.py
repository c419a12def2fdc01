"""The encoder: bytes or strings in, float32 unit vectors out."""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from lookalike.encoder.images import ImageLimits, ImageMode, ImagePreprocessor
from lookalike.encoder.runtimes import LoadedTower, RuntimeName, Wanted, load_tower, plan
from lookalike.encoder.tokenizer import Tokenizer, Tokens
from lookalike.errors import ImageError, TowerNotLoaded
from lookalike.models.bundle import Bundle, fingerprint
from lookalike.models.cards import ModelCard, TowerName
from lookalike.settings import Device, Precision, Settings, load_settings

log = logging.getLogger(__name__)

Vectors = NDArray[np.float32]
Pixels = NDArray[np.uint8]
S = TypeVar("S")

BATCH_SIZE = 16
"""Pictures or texts that go through a tower at once; more gains nothing on a CPU, and takes memory."""

CPU_PIXELS = 8 * 224 * 224
CPU_TOKENS = 5 * 77
"""What goes through a tower in one inference on a CPU; larger batches go in parts. A runtime keeps what its
largest batch needed: 16 texts of 77 tokens at once would hold 50 MB more than 5, 32 pictures 40 MB more than 8,
and save 3% of the time or none."""


class TextCutWarning(UserWarning):
    """Some texts were longer than the model's context, and their ends were not seen."""


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """What is running: every `auto` decided."""

    model: str
    fingerprint: str
    dimension: int
    towers: tuple[TowerName, ...]
    runtime: RuntimeName
    device: Literal["cpu", "cuda"]
    precision: Literal["fp32", "bf16", "fp16", "int8"]
    threads: int
    image_mode: ImageMode


class Encoder:
    """A model that is ready to embed. Safe to call from many threads. A context manager.

    All vectors are float32, of length 1, `[n, dimension]`, in the order of the input.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        wanted: Wanted = Wanted(),
        towers: Sequence[TowerName] | None = None,
        image_mode: ImageMode = "natural",
        limits: ImageLimits = ImageLimits(),
        batch_size: int = BATCH_SIZE,
    ) -> None:
        """Load the towers of `bundle` (all that it has, unless `towers` says which). A tower that is left out
        costs nothing.

        Raises TowerNotLoaded (the bundle has no such tower), DeviceUnavailable, PrecisionUnavailable,
        InferenceFailed, BundleInvalid.
        """
        card = bundle.card
        chosen = card.towers if towers is None else tuple(dict.fromkeys(towers))
        for tower in chosen:
            if tower not in card.towers:
                raise TowerNotLoaded(tower)
        decided = plan(wanted, bundle, chosen)
        self.bundle = bundle
        self.batch_size = max(1, batch_size)
        self.images: ImagePreprocessor | None = None
        self.tokenizer: Tokenizer | None = None
        self._plan = decided
        self._towers: dict[TowerName, LoadedTower] = {}
        if "image" in chosen and card.image is not None:
            self.images = ImagePreprocessor(card.image, image_mode, limits)
        if "text" in chosen and card.text is not None:
            self.tokenizer = Tokenizer.load(bundle.tokenizer, card.text)
        for tower in chosen:
            self.reload(tower)
        self.info = EncoderInfo(
            model=card.name,
            fingerprint=fingerprint(card, decided.precision, image_mode),
            dimension=card.dimension,
            towers=chosen,
            runtime=decided.runtime,
            device=decided.device,
            precision=decided.precision,
            threads=decided.threads,
            image_mode=image_mode,
        )
        self._decoders = ThreadPoolExecutor(decided.threads, thread_name_prefix="decode")
        log.info("encoder ready: %s", self.info)

    @classmethod
    def load(
        cls,
        name: str | None = None,
        *,
        device: Device | None = None,
        precision: Precision | None = None,
        threads: int | None = None,
        runtime: Literal["auto", "openvino", "onnxruntime"] = "auto",
        towers: Sequence[TowerName] | None = None,
        image_mode: ImageMode | None = None,
        settings: Settings | None = None,
    ) -> Self:
        """The encoder of a model by name: `ViT-B-32`, `ViT-B-16/datacomp_xl_s13b_b90k`, `hf:owner/repo`,
        `tiny`, or a bundle's folder. What is not given comes from the settings (the environment).

        A model that is not cached is downloaded, converted and checked first. Raises what `ModelStore.bundle`
        raises, and what the constructor raises.
        """
        settings = settings or load_settings()
        # what runs the golden check of a pull needs this class, so it can't be imported before it
        from lookalike.encoder.golden import store_of

        bundle = store_of(settings).bundle(name or settings.model_name)
        return cls(
            bundle,
            wanted=Wanted(
                device=device or settings.model_device,
                precision=precision or settings.precision,
                threads=settings.threads if threads is None else threads,
                runtime=runtime,
                compile_cache=settings.home / "compiled" if settings.compile_cache else None,
            ),
            towers=towers,
            image_mode=image_mode or settings.image_mode,
            limits=ImageLimits(
                max_pixels=settings.max_image_pixels,
                max_bytes=settings.max_image_bytes,
                min_side=settings.min_image_side,
            ),
        )

    @property
    def card(self) -> ModelCard:
        return self.bundle.card

    @property
    def dimension(self) -> int:
        return self.card.dimension

    @property
    def fingerprint(self) -> str:
        return self.info.fingerprint

    def encode_images(self, pictures: Sequence[bytes]) -> Vectors:
        """Unit vectors of encoded pictures (JPEG, PNG, WebP, ...), `[n, dimension]`, in order.

        Raises ImageUnreadable, ImageTooLarge, ImageTooManyBytes, ImageTooSmall of the first bad one;
        `prepare_images` tells good from bad.
        """
        vectors = self._empty(len(pictures))
        for start, batch in _chunks(pictures, self.batch_size):
            ready = []
            for pixels in self.prepare_images(batch):
                if isinstance(pixels, ImageError):
                    raise pixels
                ready.append(pixels)
            vectors[start : start + len(ready)] = self.encode_pixels(np.stack(ready))
        return vectors

    def prepare_images(self, pictures: Sequence[bytes]) -> list[Pixels | ImageError]:
        """Decode pictures side by side: for each its pixels uint8 `[height, width, 3]`, or what is wrong."""
        prepare = self._image_preprocessor()

        def attempt(picture: bytes) -> Pixels | ImageError:
            try:
                return prepare(picture)
            except ImageError as error:
                return error

        if len(pictures) == 1:
            return [attempt(pictures[0])]
        return list(self._decoders.map(attempt, pictures))

    def encode_pixels(self, pixels: Pixels) -> Vectors:
        """Unit vectors of prepared pixels, uint8 `[n, height, width, 3]`. Raises InferenceFailed."""
        return self._run("image", pixels)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of texts, `[n, dimension]`, in order.

        A text longer than the context is cut, and a TextCutWarning says how many were.
        """
        tokenize = self._text_tokenizer()
        vectors = self._empty(len(texts))
        # Texts of like length go together: a batch costs as much as its longest text in every row.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        cut = 0
        for _, places in _chunks(order, self.batch_size):
            tokens = tokenize([texts[i] for i in places])
            cut += int(tokens.truncated.sum())
            vectors[places] = self._run("text", tokens.ids)
        if cut:
            warnings.warn(
                f"{cut} of {len(texts)} texts were longer than {tokenize.spec.context_length} tokens "
                "and were cut",
                TextCutWarning,
                stacklevel=2,
            )
        return vectors

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """Token ids, and which texts are longer than the context. For callers that batch themselves."""
        return self._text_tokenizer()(texts)

    def encode_tokens(self, ids: NDArray[np.int64]) -> Vectors:
        """Unit vectors of token ids `[n, length]`, as `tokenize` gives them. Raises InferenceFailed."""
        return self._run("text", ids)

    def reload(self, tower: TowerName) -> None:
        """Load a tower from the bundle, in the place of the one that is there. Calls that are under way in that
        one go on with it.

        Raises InferenceFailed, DeviceUnavailable; then the tower is no longer loaded.
        """
        self._towers.pop(tower, None)  # before the other comes: there may be no room for both
        self._towers[tower] = load_tower(self._plan, self.bundle, tower, self._least(tower))

    def _least(self, tower: TowerName) -> NDArray[Any]:
        """The smallest batch that a tower takes."""
        if tower == "text":
            return self._text_tokenizer()([""]).ids
        image = self.card.image
        assert image is not None, "the tower is loaded"
        return np.zeros((1, image.height, image.width, 3), np.uint8)

    def close(self) -> None:
        """Release the towers. Calls that are under way may fail."""
        self._decoders.shutdown(wait=False, cancel_futures=True)
        self._towers.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, tower: TowerName, batch: NDArray[Any]) -> Vectors:
        run: Callable[[NDArray[Any]], Vectors] | None = self._towers.get(tower)
        if run is None:
            raise TowerNotLoaded(tower)
        if not len(batch):
            return self._empty(0)
        rows = len(batch)
        if self._plan.device == "cpu":
            image = tower == "image"
            one = batch.shape[1] * batch.shape[2] if image else batch.shape[1]
            rows = max(1, (CPU_PIXELS if image else CPU_TOKENS) // one)
        if len(batch) <= rows:
            return run(batch)
        return np.concatenate([run(batch[at : at + rows]) for at in range(0, len(batch), rows)])

    def _image_preprocessor(self) -> ImagePreprocessor:
        if self.images is None:
            raise TowerNotLoaded("image")
        return self.images

    def _text_tokenizer(self) -> Tokenizer:
        if self.tokenizer is None:
            raise TowerNotLoaded("text")
        return self.tokenizer

    def _empty(self, count: int) -> Vectors:
        return np.empty((count, self.dimension), np.float32)


def similarity(a: Vectors, b: Vectors) -> Vectors:
    """Cosines of all pairs of unit vectors: `[n, dimension]` and `[m, dimension]` to `[n, m]`, -1 to 1."""
    cosines: Vectors = np.clip(a @ b.T, -1.0, 1.0)
    return cosines


def _chunks(items: Sequence[S], size: int) -> Iterator[tuple[int, Sequence[S]]]:
    for start in range(0, len(items), size):
        yield start, items[start : start + size]
