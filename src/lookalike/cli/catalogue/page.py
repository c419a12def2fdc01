"""A page of results that needs nothing but itself: pictures are in it, and no script is."""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from lookalike.catalog.store import Hit
from lookalike.cli.catalogue.tables import attributes

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 80rem; padding: 0 1rem }
h1 { font-size: 1.3rem; overflow-wrap: anywhere }
ol { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 1.5rem; padding: 0 }
li { list-style: none }
figure { margin: 0 }
img, .none { width: 100%; aspect-ratio: 1; object-fit: contain; background: #8881; border-radius: .5rem }
.none { display: grid; place-items: center; color: #888 }
figcaption { overflow-wrap: anywhere; margin-top: .4rem }
.score { font-variant-numeric: tabular-nums; font-weight: 600 }
.more { color: #888; font-size: .85rem }
"""

# whatever slipped through the escaping could still neither run nor ask for anything
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class Shown:
    """A hit and its thumbnail (JPEG), where there is one."""

    hit: Hit
    thumbnail: bytes | None


def results_page(title: str, results: Sequence[Shown]) -> str:
    """HTML. Titles, ids and attributes are text, whatever they contain."""
    found = "\n".join(_figure(one) for one in results) or "<li>Nothing found.</li>"
    heading = escape(title) or "Results"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{heading}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{heading}</h1>
<ol>
{found}
</ol>
</body>
</html>
"""


def write_page(path: Path, page: str) -> None:
    """The file is there wholly or not at all. Raises OSError."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(page, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _figure(shown: Shown) -> str:
    item = shown.hit.item
    name = escape(item.title or item.id)
    if shown.thumbnail is None:
        picture = '<div class="none">no picture</div>'
    else:
        data = base64.b64encode(shown.thumbnail).decode()
        picture = f'<img src="data:image/jpeg;base64,{data}" alt="{name}" loading="lazy">'
    more = " · ".join(part for part in (item.id if item.title else "", attributes(item)) if part)
    return (
        f"<li><figure>{picture}<figcaption>"
        f'<span class="score">{shown.hit.score:.4f}</span> {name}'
        f'<div class="more">{escape(more)}</div></figcaption></figure></li>'
    )
