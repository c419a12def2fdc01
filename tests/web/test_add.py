"""Collections that are made, pictures that are added, and feeds that mean harm."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lookalike.sample import feed
from tests.web.conftest import OpenPage, Served, data_uri
from tests.web.shopping import DROP, as_file, eventually, settled

PICTURES = sorted((feed().parent / "pictures").glob("mug-*.webp"))

HOSTILE = [
    '<img src=x onerror="window.harmed=1">',
    "<script>window.harmed=1</script>",
    '"><svg onload=window.harmed=1>',
    "javascript:window.harmed=1",
    "{{constructor.constructor('window.harmed=1')()}}",
]


@pytest.fixture
def collection(service: Served, request: pytest.FixtureRequest) -> Iterator[str]:
    name = re.sub(r"\W", "-", request.node.name)[:60]
    yield name
    service.api.delete(f"/collections/{name}")


def test_a_collection_is_made_and_chosen(
    open_page: OpenPage, service: Served, collection: str
) -> None:
    page = open_page("#/add")
    page.fill(".add-new input", "no spaces please")
    page.click("text=Create")
    assert page.locator(".add-new input").evaluate("one => one.validity.patternMismatch")
    page.fill(".add-new input", collection)
    page.click("text=Create")
    page.wait_for_selector(".toast")
    assert service.api.get(f"/collections/{collection}").status_code == 200
    assert page.eval_on_selector("#collection", "one => one.value") == collection
    page.select_option("#collection", "shop")
    eventually(page, "location.hash.includes('c=shop')")
    page.click("nav >> text=Search")
    settled(page)
    assert "c=shop" in page.url


def test_dropped_pictures_are_added_and_what_failed_says_why(
    open_page: OpenPage, service: Served, collection: str, tmp_path: Path
) -> None:
    service.api.put(f"/collections/{collection}")
    page = open_page(f"#/add?c={collection}")
    page.fill("[data-role=name]", "colour")
    page.fill("[data-role=value]", "mixed")
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"this is no picture")
    page.set_input_files(".drop input", [*PICTURES[:9], broken])
    eventually(page, "document.querySelector('.add-head p').textContent.includes('added')")
    assert page.inner_text(".add-head p").startswith("9 of 10 added, 1 failed, see why below.")
    assert page.get_attribute("[role=progressbar]", "aria-valuenow") == "10"
    [first, *rest] = page.locator(".add-row").all_inner_texts()
    assert "broken.jpg" in first
    assert "Picture can't be read" in first
    assert all("Added" in one for one in rest)
    record = service.api.get(f"/collections/{collection}/items/{PICTURES[0].name}").json()
    assert record["title"] == PICTURES[0].stem.replace("-", " ")
    assert record["attributes"] == {"colour": "mixed"}
    # and by dropping; the same again is known to be there
    page.evaluate(
        DROP, [*as_file(PICTURES[0].name, PICTURES[0].read_bytes(), "image/webp"), "main"]
    )
    page.wait_for_selector("text=Was there")
    page.click("text=See the collection")
    settled(page)
    assert page.locator(".card").count() == 9


def test_where_there_is_no_collection_the_page_says_what_to_do(
    open_page: OpenPage, service: Served
) -> None:
    page = open_page()
    page.route("**/collections", lambda route: route.fulfill(json={"collections": []}))
    page.reload()
    page.wait_for_selector(".empty a")
    assert "Nothing here yet" in page.inner_text(".empty")
    page.click(".empty a")
    page.wait_for_selector(".add")
    page.evaluate(DROP, [*as_file("x.webp", PICTURES[0].read_bytes(), "image/webp"), "main"])
    assert "Choose a collection first" in page.inner_text(".toast")


def test_hostile_titles_and_attributes_are_text(
    open_page: OpenPage, service: Served, collection: str
) -> None:
    service.api.put(f"/collections/{collection}")
    items: list[dict[str, Any]] = [
        {
            "id": f"{number}/{bad}",
            "title": bad,
            "description": bad,
            "attributes": {
                "note": bad,
                f"x{bad}".replace('"', "'"): bad,
                "and": "shared",
                "__proto__": bad,
            },
            "image": data_uri(PICTURES[number]),
        }
        for number, bad in enumerate(HOSTILE)
    ]
    answer = service.api.post(
        f"/collections/{collection}/items",
        content=json.dumps(items),
        headers={"content-type": "application/json"},
    ).json()
    assert answer["failed"] == 0, answer
    page = settled(open_page(f"#/search?c={collection}&q={HOSTILE[0]}&not={HOSTILE[1]}"))
    assert sorted(page.locator(".card-title").all_inner_texts()) == sorted(HOSTILE)
    eventually(page, "document.querySelectorAll('.card img').length === 5")
    page.locator(".card", has_text=HOSTILE[0]).locator("[data-kind=like]").click()
    page.wait_for_selector(".tray-item")
    settled(page)
    page.locator(".card-title a", has_text=HOSTILE[1]).click()
    page.wait_for_selector(".item")
    assert page.inner_text("h1") == HOSTILE[1]
    assert HOSTILE[1] in page.inner_text(".facts")
    page.wait_for_selector(".grid .card")
    page.wait_for_timeout(200)
    assert page.evaluate("window.harmed") is None
    assert page.locator("main script, main [onerror], main [onload], main svg[onload]").count() == 0
    assert page.locator("a[href^='javascript']").count() == 0
