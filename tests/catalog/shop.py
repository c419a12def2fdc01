"""A small shop: pictures of plain colours with some noise, and feeds that name them."""

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image
from tests.catalog.colours import COLOURS

NAMES = tuple(COLOURS)


def picture(number: int, colour: str | None = None, size: tuple[int, int] = (80, 60)) -> bytes:
    """A PNG of a colour, unlike that of any other number."""
    rng = np.random.default_rng(number)
    base = np.array(COLOURS[colour or NAMES[number % len(NAMES)]])
    noise = rng.integers(-15, 16, (size[1], size[0], 3))
    pixels = np.clip(base + noise, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


def row(number: int, **fields: object) -> dict:
    """A line of the feed, for `pictures/N.png`."""
    colour = NAMES[number % len(NAMES)]
    return {
        "id": f"sku-{number}",
        "image": f"pictures/{number}.png",
        "title": f"{colour} shirt",
        "description": f"number n{number}",
        "colour": colour,
        "price": 5 + number,
        **fields,
    }


def write_feed(folder: Path, rows: list[dict], name: str = "feed.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def make_shop(folder: Path, count: int) -> Path:
    """A feed of so many items, and their pictures beside it; the feed's path."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (pictures / f"{number}.png").write_bytes(picture(number))
    return write_feed(folder, [row(number) for number in range(count)])
