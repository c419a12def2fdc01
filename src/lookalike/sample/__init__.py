"""The sample catalogue: four hundred and fifty drawn products, for the demo, for tests, for a first look.

`items.jsonl` has one item a line: `id`, `image` (relative to the feed), `title`, `description`, and the
attributes `category`, `department`, `colour`, `pattern`, `material`, `price`, `rating` (food has neither
pattern nor material). The project draws it with `python -m training.sample`; every product is invented.
"""

from pathlib import Path


def feed() -> Path:
    """The feed's path; its pictures lie beside it."""
    return Path(__file__).parent / "items.jsonl"
