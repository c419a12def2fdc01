"""What the tests of the shop's side do again and again: wait for results, read them, hand files over."""

import base64
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

READY = ".results:not([aria-busy]) .card, .results:not([aria-busy]) .problem"

DROP = """([name, type, data, selector]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  const target = document.querySelector(selector);
  for (const event of ["dragenter", "dragover", "drop"]) {
    target.dispatchEvent(new DragEvent(event, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}"""

PASTE = """([name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  document.body.dispatchEvent(
    new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }));
}"""


def settled(page: Any) -> Any:
    page.wait_for_selector(READY)
    return page


def shown(page: Any) -> list[str]:
    """The ids in the grid, in order."""
    settled(page)
    return page.eval_on_selector_all(".results .card", "all => all.map((one) => one.dataset.id)")


def state(page: Any) -> dict[str, list[str]]:
    """The parameters of the address."""
    return parse_qs(page.url.partition("?")[2])


class Asked:
    """Runs a search: `with Asked(page) as asked: ...` waits for the request that the block causes. `body` is
    what was sent, `ids` what came back, and the page shows it."""

    def __init__(self, page: Any, route: str = "search") -> None:
        self._page = page
        self._context = page.expect_response(lambda one: one.url.endswith(f"/shop/{route}"))
        self.body: dict[str, Any] = {}
        self.ids: list[str] = []

    def __enter__(self) -> "Asked":
        self._waiting = self._context.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._context.__exit__(*raised)
        if raised[0] is None:
            answer = self._waiting.value
            self.body = answer.request.post_data_json
            self.ids = [hit["id"] for hit in answer.json()["hits"]]
            first = json.dumps(self.ids[0])
            eventually(
                self._page, f"document.querySelector('.results .card')?.dataset.id === {first}"
            )
            settled(self._page)


def as_file(name: str, data: bytes, kind: str = "image/jpeg") -> list[str]:
    return [name, kind, base64.b64encode(data).decode()]


def picture_of(item: dict[str, Any], folder: Path) -> Path:
    """The picture of an item of the catalogue, as a file."""
    path = folder / f"{item['id']}.jpg"
    path.write_bytes(base64.b64decode(item["image"].partition(",")[2]))
    return path


def eventually(page: Any, holds: str, seconds: float = 15) -> None:
    """Wait until an expression is true. Playwright's own way to wait for one evaluates strings within the page,
    which the page's policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(holds):
        assert time.monotonic() < end, f"never true: {holds}"
        page.wait_for_timeout(40)
