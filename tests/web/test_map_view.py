"""The map of a collection, in a real browser against a running service."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.web.conftest import NARROW, OpenPage, Served

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

ADDRESS = "#/map?c=shop"


def drawn(open_page: OpenPage, address: str = ADDRESS, **given: Any) -> Any:
    page = open_page(address, **given)
    expect(page.get_by_text(re.compile(r"\d+ items?.*Drawn by"))).to_be_visible(timeout=60_000)
    expect(page.locator("[aria-busy]")).to_have_count(0)
    page.wait_for_timeout(100)  # the next frame
    return page


def params(page: Any) -> dict[str, str]:
    return {name: one[0] for name, one in parse_qs(page.url.partition("?")[2]).items()}


def drag(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Over the canvas; places are shares of its width and height."""
    box = page.locator("canvas").bounding_box()
    for at, then in ((start, page.mouse.down), (end, page.mouse.up)):
        steps = 1 if then == page.mouse.down else 8
        page.mouse.move(
            box["x"] + at[0] * box["width"], box["y"] + at[1] * box["height"], steps=steps
        )
        then()


def painted(page: Any) -> int:
    """Pixels of the canvas that have a colour."""
    return page.locator("canvas").evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
        ".reduce((n, v, i) => n + (i % 4 === 3 && v > 0), 0)"
    )


def test_map_says_what_it_is_and_clusters_are_named(open_page: OpenPage, service: Served) -> None:
    page = drawn(open_page)
    found = service.api.get("/collections/shop/map").json()
    said = page.get_by_role("status").filter(has_text="Drawn by").inner_text()
    assert said.startswith(f"{len(found['points'])} items")
    assert {"tsne": "t-SNE", "pca": "principal components"}[found["method"]] in said
    buttons = page.get_by_role("list", name="Clusters").get_by_role("button")
    expect(buttons).to_have_count(len(found["clusters"]))
    for button, cluster in zip(buttons.all(), found["clusters"], strict=True):
        expect(button).to_contain_text(cluster["value"] or f"cluster {cluster['cluster'] + 1}")
        expect(button).to_contain_text(str(cluster["size"]))
    assert painted(page) > 500


def test_a_rectangle_is_chosen_searched_within_and_linked(
    open_page: OpenPage, service: Served
) -> None:
    page = drawn(open_page)
    drag(page, (0.01, 0.01), (0.5, 0.99))
    heading = page.get_by_role("heading", name=re.compile(r"\d+ items? in the rectangle"))
    expect(heading).to_be_visible()
    x0, y0, x1, y1 = map(float, params(page)["box"].split(","))
    found = service.api.get("/collections/shop/map").json()["points"]
    inside = {
        point["id"]
        for point in found
        if min(x0, x1) <= point["x"] <= max(x0, x1) and min(y0, y1) <= point["y"] <= max(y0, y1)
    }
    assert 0 < len(inside) < len(found)
    expect(heading).to_have_text(re.compile(f"^{len(inside)} "))
    page.get_by_label("Search within what is chosen").fill("something red")
    page.get_by_role("button", name="Search within").click()
    expect(page.get_by_text(re.compile("nearest to “something red”"))).to_be_visible()
    shown = page.locator(".chosen .card").evaluate_all("cards => cards.map(c => c.dataset.id)")
    assert shown
    assert set(shown) <= inside
    body = {"text": "something red", "limit": 24, "within": sorted(inside)}
    hits = service.api.post("/collections/shop/search", json=body).json()["hits"]
    assert shown == [hit["id"] for hit in hits]
    page.reload()
    expect(heading).to_be_visible()
    expect(page.locator(".chosen .card")).to_have_count(len(shown))
    page.go_back()
    expect(page.get_by_label("Search within what is chosen")).to_have_value("")
    page.get_by_role("button", name="Let go").click()
    expect(heading).to_have_count(0)


def test_a_cluster_is_chosen_by_its_name(open_page: OpenPage, service: Served) -> None:
    page = drawn(open_page)
    found = service.api.get("/collections/shop/map").json()
    entry = page.get_by_role("list", name="Clusters").get_by_role("button").first
    entry.click()
    size = found["clusters"][0]["size"]
    expect(
        page.get_by_role("heading", name=re.compile(f"^{size} items of the clu"))
    ).to_be_visible()
    expect(entry).to_have_attribute("aria-pressed", "true")
    assert params(page)["k"] == "0"
    expect(page.locator(".chosen .card")).to_have_count(min(24, size))


def test_map_by_keyboard_alone(open_page: OpenPage) -> None:
    page = drawn(open_page)
    page.locator("canvas").focus()
    page.keyboard.press("ArrowRight")
    said = page.locator(".map-window [aria-live]")
    expect(said).not_to_be_empty()
    expect(page.locator(".map-bubble")).to_be_visible()
    expect(page.locator(".map-bubble img")).to_be_visible()
    first = said.inner_text()
    page.keyboard.press("ArrowLeft")
    expect(said).not_to_have_text(first)
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile(r"v=[-\d.]+%2C[-\d.]+%2C1\.40"))
    page.keyboard.press("0")
    expect(page).not_to_have_url(re.compile("v="))
    page.keyboard.press("s")
    expect(page.get_by_role("heading", name=re.compile("of the cluster"))).to_be_visible()
    page.locator("canvas").focus()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name=re.compile("of the cluster"))).to_have_count(0)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#/item"))


def test_look_around_by_mouse_and_a_link_to_where_one_looks(open_page: OpenPage) -> None:
    page = drawn(open_page, f"{ADDRESS}&v=0.100,-0.200,3.00")
    before = painted(page)
    box = page.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -400)
    expect(page).not_to_have_url(re.compile("3.00"))
    zoom = float(params(page)["v"].split(",")[2])
    assert zoom > 3
    assert painted(page) != before
    page.get_by_role("button", name="Move").click()
    drag(page, (0.5, 0.5), (0.6, 0.5))
    expect(page).not_to_have_url(re.compile(r"v=0\.100"))
    assert "box" not in params(page)
    assert float(params(page)["v"].split(",")[0]) < 0.1


def test_hover_shows_a_thumbnail(open_page: OpenPage) -> None:
    page = drawn(open_page)
    page.locator("canvas").focus()
    page.keyboard.press("ArrowRight")
    at = page.locator(".map-bubble").bounding_box()
    page.get_by_role("button", name="Whole map").focus()
    expect(page.locator(".map-bubble")).to_be_hidden()
    # near the bubble's corner is its point
    for x, y in ((-16, at["height"] + 16), (-16, -16)):
        page.mouse.move(at["x"] + x, at["y"] + y)
        if page.locator(".map-bubble").is_visible():
            break
    expect(page.locator(".map-bubble img")).to_be_visible()


def test_all_items_are_a_list_for_who_sees_no_map(open_page: OpenPage) -> None:
    page = drawn(open_page)
    page.get_by_text("All items on the map, as a list").click()
    links = page.locator(".map-list a")
    assert links.count() == 72
    links.first.click()
    expect(page).to_have_url(re.compile("#/item"))


def test_a_map_that_takes_long_is_waited_for_and_a_refusal_is_said(open_page: OpenPage) -> None:
    page = open_page("#/operator?every=0")
    answers = iter(["drawing", "drawing"])

    def slow(route: Any) -> None:
        if next(answers, None):
            route.fulfill(status=202, json={"status": "drawing", "points": 72})
        else:
            route.continue_()

    page.route("**/map?*", slow)
    page.get_by_role("link", name="Map", exact=True).click()
    expect(page.get_by_text("The map of 72 items is being drawn")).to_be_visible()
    expect(page.get_by_text(re.compile("Drawn by"))).to_be_visible(timeout=30_000)
    page.unroute("**/map?*")
    page.goto(f"{page.url.partition('#')[0]}#/map?c=none")
    expect(page.get_by_role("alert")).to_contain_text("no collection called “none”")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    open_page: OpenPage, serious: Callable[[Any], list[str]], scheme: str
) -> None:
    page = drawn(open_page, f"{ADDRESS}&k=0", color_scheme=scheme, viewport=NARROW)
    expect(page.locator(".chosen .card").first).to_be_visible()
    page.locator("canvas").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious(page) == []
