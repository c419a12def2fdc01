"""Who may use the page, and how: the key, the keyboard, a screen reader, any window, dark and light."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.web.conftest import NARROW, OpenPage, Served
from tests.web.shopping import Asked, eventually, settled, shown

VIEWS = {
    "search": "#/search?c=shop&q=a+dress&not=striped&f.department=clothing",
    "tray": "#/search?c=shop&like={id}",
    "item": "#/item?c=shop&id={id}",
    "add": "#/add?c=shop",
    "missing picture": "#/search?c=shop&picture=abc",
    "error": "#/search?c=nowhere&q=x",
}


@pytest.fixture(scope="module")
def some(service: Served) -> str:
    """The id of an item."""
    return service.api.post("/collections/shop/search", json={"text": "a dress"}).json()["hits"][0][
        "id"
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    open_page: OpenPage, serious: Callable[..., list[str]], some: str, scheme: str
) -> None:
    page = open_page(color_scheme=scheme)
    found: list[str] = []
    # the dark page is the same but for its colours
    rules = ["color-contrast"] if scheme == "dark" else []
    views = {
        name: VIEWS[name] for name in (VIEWS if scheme == "light" else ("tray", "item", "add"))
    }
    for name, address in views.items():
        page.goto(page.url.partition("#")[0] + address.format(id=some))
        page.wait_for_selector(".card, .add, .problem")
        page.wait_for_load_state("networkidle")
        found += [f"{name}: {one}" for one in serious(page, rules)]
    page.set_viewport_size(NARROW)
    page.goto(page.url.partition("#")[0] + VIEWS["search"])
    settled(page)
    page.wait_for_selector(".facet", state="attached")
    page.click(".side-open")
    page.wait_for_selector("dialog .facet")
    found += [f"filters: {one}" for one in serious(page, rules)]
    assert not found, "\n".join(found)


def test_no_view_scrolls_sideways_at_320_pixels(open_page: OpenPage, some: str) -> None:
    page = open_page(viewport={"width": 320, "height": 640})
    for name, address in VIEWS.items():
        page.goto(page.url.partition("#")[0] + address.format(id=some))
        page.wait_for_selector(".card, .add, .problem")
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, name


def test_filters_open_in_a_narrow_window(open_page: OpenPage) -> None:
    page = settled(open_page("#/search?c=shop&q=clothes", viewport=NARROW))
    assert page.locator(".side").is_hidden()
    page.click(".side-open")
    with Asked(page) as asked:
        page.locator("dialog .facet input[type=checkbox]").first.check()
    assert asked.body["filter"]
    page.click("text=Show the results")
    assert page.locator("dialog").count() == 0
    assert page.inner_text(".side-open") == "Filters (1)"


def test_keyboard_alone_searches_likes_opens_and_goes_back(open_page: OpenPage) -> None:
    page = settled(open_page("#/search?c=shop"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    with Asked(page):
        page.keyboard.type("a dress")
        page.keyboard.press("Enter")

    def tab_to(what: str) -> None:
        for _ in range(120):
            page.keyboard.press("Tab")
            if page.evaluate("what => document.activeElement.matches(what)", what):
                return
        raise AssertionError(f"Tab does not reach {what}")

    tab_to(".card [data-kind='like']")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    with Asked(page, "recommend"):
        page.keyboard.press("Space")
    page.focus("#q")
    tab_to(".card-title a")
    wanted = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    page.wait_for_selector(".item")
    assert page.inner_text("h1") == wanted
    page.go_back()
    assert shown(page)


def test_every_control_has_a_name_and_results_are_announced(open_page: OpenPage) -> None:
    page = settled(open_page("#/search?c=shop&q=a+dress"))
    snapshot = page.locator("body").aria_snapshot()
    for line in (
        'searchbox "Words to search for"',
        'button "Search with the camera"',
        'switch "More variety"',
        'combobox "Collection"',
        'group "Category"',
    ):
        assert line in snapshot, snapshot
    assert page.get_attribute(".results-said", "role") == "status"
    assert "results" in page.inner_text(".results-said")


def test_colours_follow_the_system_and_the_switch_stays(open_page: OpenPage) -> None:
    page = settled(open_page("#/search?c=shop", color_scheme="dark"))

    def paper() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    dark = paper()
    page.click("[aria-label='Switch to light colours']")
    light = paper()
    assert light != dark
    page.reload()
    settled(page)
    assert paper() == light
    page.click("[aria-label='Switch to dark colours']")
    assert paper() == dark


def test_key_is_asked_for_once_and_kept_for_the_session(
    open_page: OpenPage, guarded: Served
) -> None:
    page = open_page("#/search?c=shop&q=a+mug", of=guarded)
    page.wait_for_selector("dialog")
    assert page.locator("dialog").count() == 1
    page.fill("dialog input", "not-the-key")
    page.press("dialog input", "Enter")
    page.wait_for_selector("dialog .bad")
    assert "That key is not valid" in page.inner_text("dialog")
    page.fill("dialog input", "the-key-that-reads")
    page.press("dialog input", "Enter")
    assert len(shown(page)) == 6
    eventually(page, "document.querySelector('.card img')?.naturalWidth > 0")
    assert page.locator("dialog").count() == 0
    page.reload()
    assert len(shown(page)) == 6
    assert page.locator("dialog").count() == 0
    stored = page.evaluate(
        "[JSON.stringify(sessionStorage), JSON.stringify(localStorage), location.href]"
    )
    assert ["the-key" in one for one in stored] == [True, False, False]
    page.click("text=Forget key")
    page.wait_for_selector("dialog")


def test_a_key_that_may_only_read_is_told_so_in_words(open_page: OpenPage, guarded: Served) -> None:
    page = open_page("#/add?c=shop", of=guarded)
    page.fill("dialog input", "the-key-that-reads")
    page.press("dialog input", "Enter")
    page.fill(".add-new input", "more")
    page.click("text=Create")
    page.wait_for_selector(".toast")
    assert "may only read" in page.inner_text(".toast")


@pytest.mark.parametrize(
    ("status", "document", "said"),
    [
        (429, {"code": "overloaded", "detail": "busy"}, "The service is busy. Try again in 3 s."),
        (503, {"code": "not_ready", "detail": "loading"}, "The model isn't ready yet: loading."),
        (
            422,
            {"code": "query_invalid", "detail": "query: a text is empty"},
            "Query: a text is empty.",
        ),
        (502, None, "The service answered 502"),
    ],
)
def test_errors_are_shown_in_words_and_can_be_tried_again(
    open_page: OpenPage, status: int, document: dict[str, Any] | None, said: str
) -> None:
    page = settled(open_page("#/search?c=shop"))
    answer = {"json": document} if document else {"body": "<b>bad gateway</b>"}
    refuse = lambda route: route.fulfill(status=status, headers={"retry-after": "3"}, **answer)  # noqa: E731
    page.route("**/shop/search", refuse)
    page.fill("#q", "x")
    page.press("#q", "Enter")
    page.wait_for_selector(".results .problem")
    assert said in page.inner_text(".results .problem")
    page.unroute("**/shop/search")
    with Asked(page):
        page.click(".problem button")
    assert page.locator(".results .problem").count() == 0


def test_a_service_that_is_gone_is_told_in_words(open_page: OpenPage) -> None:
    page = settled(open_page("#/search?c=shop"))
    page.context.set_offline(True)
    page.fill("#q", "x")
    page.press("#q", "Enter")
    page.wait_for_selector(".results .problem")
    assert "The service can't be reached" in page.inner_text(".results .problem")


def test_a_collection_that_is_not_there_is_told_in_words(open_page: OpenPage) -> None:
    page = settled(open_page("#/search?c=nowhere&q=x"))
    assert "There is no collection called “nowhere”." in page.inner_text(".results .problem")


def test_a_model_that_is_still_loading_is_told_and_then_the_search_goes_on(
    open_page: OpenPage, service: Served
) -> None:
    page = open_page("")
    loading = {"status": "loading", "model": "tiny", "reason": None}
    page.route("**/readyz", lambda route: route.fulfill(status=503, json=loading))
    unready = {"code": "not_ready", "detail": "loading"}
    page.route("**/shop/search", lambda route: route.fulfill(status=503, json=unready))
    page.goto(f"{service.url}/#/search?c=shop&q=a+dress")
    page.reload()
    page.wait_for_selector(".results .problem")
    assert "The model tiny is being loaded." in page.inner_text("#notice")
    page.unroute_all()
    page.wait_for_selector(".results .card")
    assert page.inner_text("#notice") == ""
