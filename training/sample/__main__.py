"""Draw the catalogue: `python -m training.sample [--to FOLDER] [--only WORD]`."""

import argparse
import io
import json
from pathlib import Path

from PIL import Image
from training.sample.catalogue import draw, items
from training.sample.studio import Studio

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "lookalike" / "sample"
QUALITY = 88


def encoded(picture: Image.Image) -> bytes:
    """The picture as the catalogue stores it."""
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=QUALITY, method=6)
    return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the sample catalogue.")
    parser.add_argument(
        "--to", type=Path, default=PACKAGE, help="folder to write (default: the package's)"
    )
    parser.add_argument("--only", default="", help="draw only pictures whose id contains this")
    parser.add_argument("--feed", action="store_true", help="write the feed only, draw nothing")
    options = parser.parse_args()
    pictures = options.to / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    catalogue = items()
    lines = [json.dumps(item.facts, ensure_ascii=False) + "\n" for item in catalogue]
    (options.to / "items.jsonl").write_text("".join(lines), encoding="utf-8")
    studio, total, chosen = Studio(keep=4), 0, [i for i in catalogue if options.only in i.id]
    if options.feed:
        chosen = []
    # things of one form come together, so that each is traced once
    for item in sorted(chosen, key=lambda item: (item.drawing, item.look.cut)):
        data = encoded(draw(item, studio))
        (options.to / item.facts["image"]).write_bytes(data)
        total += len(data)
    print(f"{len(chosen)} of {len(catalogue)} pictures, {total / 1e6:.2f} MB, in {options.to}")


if __name__ == "__main__":
    main()
