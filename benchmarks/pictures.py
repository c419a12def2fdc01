"""What a picture costs before the model sees it, in two modes: `python -m benchmarks.pictures`.

JPEGs of quality 90, milliseconds on one thread: decoding, and all. Then how far the mode `fast` moves a vector:
the lowest and the mean cosine to `natural`, at fp32 (random ViT-B/32), where nothing else does; and, beside it,
how far bf16 moves one. The pictures are product photos made larger, and sheets of many photos side by side,
which have detail down to the pixel: the worst that can be met, nearly.
"""

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.encoder import milliseconds
from benchmarks.load import jpeg
from benchmarks.random_model import random_bundle
from benchmarks.rendering import Rendered
from lookalike.encoder import Encoder
from lookalike.encoder.images import ImagePreprocessor
from lookalike.encoder.runtimes import Wanted

PRODUCTS = Path(__file__).parents[2] / "shared" / "data" / "products"
CELL = 224
SIDES = (400, 800, 1600, 3200)
COUNT = 16
"""Of each kind of picture."""


def photos(dice: random.Random) -> Callable[[int], Image.Image]:
    """Makes a photo of so many pixels a side, another one each time; soft noise where the photos are not."""
    paths = sorted(PRODUCTS.rglob("*.jpg"))

    def photo(side: int) -> Image.Image:
        if paths:
            picture = Image.open(dice.choice(paths)).convert("RGB")
        else:
            rng = np.random.default_rng(dice.randrange(2**32))
            picture = Image.fromarray(rng.integers(0, 256, (56, 56, 3), dtype=np.uint8))
        return picture.resize((side, side), Image.Resampling.BICUBIC)

    return photo


def sheet(photo: Callable[[int], Image.Image], cells: int) -> Image.Image:
    """Photos side by side, each as small as they are."""
    whole = Image.new("RGB", (cells * CELL, cells * CELL))
    for number in range(cells * cells):
        whole.paste(photo(CELL), (number % cells * CELL, number // cells * CELL))
    return whole


def main() -> None:
    photo = photos(random.Random(0))
    bundle = random_bundle("ViT-B-32")
    assert bundle.card.image is not None
    natural = ImagePreprocessor(bundle.card.image)
    fast = ImagePreprocessor(bundle.card.image, "fast")
    page, rows = Rendered(), []
    for side in SIDES:
        data = jpeg(photo(side))
        cells = [str(side)]
        whole = []
        for prepare in (natural, fast):
            decoding = milliseconds(partial(prepare.decode, data), seconds=1.0)
            whole.append(milliseconds(partial(prepare, data), seconds=1.0))
            cells += [f"{decoding:.1f}", f"{whole[-1]:.1f}"]
        rows.append([*cells, f"{whole[0] / whole[1]:.1f}"])
    page.table(
        [
            "pixels a side",
            "natural: decoded",
            "and resized",
            "fast: decoded",
            "and resized",
            "times",
        ],
        rows,
    )

    kinds = {
        "photos of 800": [jpeg(photo(800)) for _ in range(COUNT)],
        "sheets of 3 x 3": [jpeg(sheet(photo, 3)) for _ in range(COUNT)],
        "sheets of 4 x 4": [jpeg(sheet(photo, 4)) for _ in range(COUNT)],
        "sheets of 9 x 9": [jpeg(sheet(photo, 9)) for _ in range(COUNT)],
    }
    pixels = {name: [np.stack([prepare(data) for data in files]) for prepare in (natural, fast)]
              for name, files in kinds.items()}  # fmt: skip
    vectors = {}
    for precision in ("fp32", "bf16"):
        encoder = Encoder(bundle, wanted=Wanted("cpu", precision, 0, "openvino"), towers=["image"])  # type: ignore[arg-type]
        vectors[precision] = {
            name: [encoder.encode_pixels(one) for one in both] for name, both in pixels.items()
        }
        encoder.close()
    rows = []
    for name, (ours, quick) in vectors["fp32"].items():
        levels = np.abs(pixels[name][0].astype(int) - pixels[name][1].astype(int))
        moved, rounded = (
            np.sum(ours * quick, axis=1),
            np.sum(ours * vectors["bf16"][name][0], axis=1),
        )
        rows.append([name, f"{levels.mean():.2f}", str(levels.max()),
                     *(f"{of.min():.5f}, {of.mean():.5f}" for of in (moved, rounded))])  # fmt: skip
    page.table(
        [
            "",
            "levels off, mean",
            "most",
            "cosine of fast to natural, least and mean",
            "of bf16 to fp32",
        ],
        rows,
    )
    print("\n".join(page.lines))


if __name__ == "__main__":
    main()
