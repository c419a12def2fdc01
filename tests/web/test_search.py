"""The search page: words, pictures, both, less of something; results, filters, likes, and the address."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import OpenPage, Served, photos, sample
from tests.web.shopping import (
    DROP,
    PASTE,
    Asked,
    as_file,
    eventually,
    picture_of,
    settled,
    shown,
    state,
)


@pytest.fixture(scope="module")
def items() -> list[dict[str, Any]]:
    """What `shop` holds, with the pictures."""
    return photos(72) or sample(72)


def seek(page: Any, text: str) -> Asked:
    with Asked(page) as asked:
        page.fill("#q", text)
        page.press("#q", "Enter")
    return asked


def test_words_find_what_the_service_finds_and_stand_in_the_address(
    open_page: OpenPage, service: Served
) -> None:
    page = settled(open_page())
    seek(page, "a dress")
    body = {"query": [{"text": "a dress"}], "limit": 24}
    hits = service.api.post("/collections/shop/search", json=body).json()["hits"]
    assert shown(page) == [hit["id"] for hit in hits]
    assert state(page) == {"c": ["shop"], "q": ["a dress"]}
    assert "“a dress”" in page.inner_text("h1")


def test_a_result_has_picture_title_score_and_attributes(
    open_page: OpenPage, service: Served
) -> None:
    page = settled(open_page("#/search?c=shop&q=a+dress"))
    body = {"query": [{"text": "a dress"}], "limit": 1}
    [hit] = service.api.post("/collections/shop/search", json=body).json()["hits"]
    card = page.locator(".results .card").first
    eventually(page, "document.querySelector('.results .card img')?.naturalWidth > 0")
    text = card.inner_text()
    assert hit["item"]["title"] in text
    assert f"{hit['score']:.3f}" in text
    assert str(hit["item"]["attributes"]["category"]) in text
    assert f"{hit['item']['attributes']['price']:g}" in text


@pytest.mark.parametrize("way", ["file", "drop", "paste"])
def test_a_picture_finds_its_own_item_first(
    open_page: OpenPage, items: list[dict[str, Any]], tmp_path: Path, way: str
) -> None:
    page = settled(open_page())
    picture = picture_of(items[5], tmp_path)
    with Asked(page) as asked:
        if way == "file":
            page.set_input_files("#picture-file", picture)
        elif way == "drop":
            page.evaluate(DROP, [*as_file("x.jpg", picture.read_bytes()), "#main"])
        else:
            page.evaluate(PASTE, as_file("image.png", picture.read_bytes(), "image/png"))
    assert shown(page)[0] == items[5]["id"]
    [part] = asked.body["query"]
    assert part["image"].startswith("data:")
    assert page.locator(".box-picture img").is_visible()
    assert "your picture" in page.inner_text("h1")


def test_the_camera_takes_a_picture_to_search_with(open_page: OpenPage) -> None:
    page = settled(open_page())
    page.click("[aria-label='Search with the camera']")
    page.wait_for_selector("dialog .button.primary:enabled")
    with Asked(page) as asked:
        page.click("text=Take the picture")
    assert asked.body["query"][0]["image"].startswith("data:image/jpeg")
    assert page.locator("dialog").count() == 0


def test_words_and_picture_count_as_the_slider_says(
    open_page: OpenPage, items: list[dict[str, Any]], tmp_path: Path
) -> None:
    page = settled(open_page("#/search?c=shop&q=shoes"))
    assert page.locator(".balance").is_hidden()
    with Asked(page) as both:
        page.set_input_files("#picture-file", picture_of(items[5], tmp_path))
    assert [part["weight"] for part in both.body["query"]] == [1, 1]
    slider = page.locator(".balance input")
    with Asked(page) as leaning:
        slider.fill("80")
    words, picture = leaning.body["query"]
    assert (round(words["weight"], 3), round(picture["weight"], 3)) == (0.4, 1.6)
    assert state(page)["balance"] == ["80"]
    assert slider.get_attribute("aria-valuetext") == "words 20 %, picture 80 %"
    with Asked(page) as only:
        slider.fill("0")
    assert [list(part) for part in only.body["query"]] == [["text", "weight"]]


def test_words_are_pushed_away(open_page: OpenPage) -> None:
    page = settled(open_page("#/search?c=shop&q=clothes"))
    before = shown(page)
    with Asked(page) as asked:
        page.fill(".not-field", "dress, shoes")
        page.press(".not-field", "Enter")
    assert [(part["text"], part["weight"] < 0) for part in asked.body["query"]] == [
        ("clothes", False),
        ("dress", True),
        ("shoes", True),
    ]
    assert shown(page) != before
    assert state(page)["not"] == ["dress", "shoes"]
    with Asked(page):
        page.click("[aria-label='Don\\'t push “dress” away']")
    assert state(page)["not"] == ["shoes"]


def test_facets_count_as_the_service_does_and_filter(open_page: OpenPage, service: Served) -> None:
    page = settled(open_page("#/search?c=shop&q=clothes"))
    facets = service.api.post("/collections/shop/facets", json={"fields": ["category"]}).json()
    first, second = facets["facets"]["category"][:2]
    row = page.locator(".facet", has_text="Category").locator("li")
    assert row.first.text_content() == f"{first['value']}{first['count']} items"
    with Asked(page):
        row.first.locator("input").check()
    assert len(shown(page)) == first["count"]
    tags = page.locator(".card-attributes")
    assert all(first["value"] in tags.nth(at).inner_text() for at in range(tags.count()))
    assert state(page)["f.category"] == [str(first["value"])]
    # the other values of the same attribute can be added, and have kept their counts
    with Asked(page):
        row.nth(1).locator("input").check()
    assert len(shown(page)) == min(24, first["count"] + second["count"])
    with Asked(page):
        page.click("text=Clear filters")
    assert "f.category" not in state(page)


def test_a_range_of_numbers_filters(open_page: OpenPage) -> None:
    page = settled(open_page("#/search?c=shop&q=clothes"))
    with Asked(page) as asked:
        page.fill("[data-choice='leprice']", "20")
        page.press("[data-choice='leprice']", "Tab")
    assert asked.body["filter"] == {"and": [{"price": {"lte": 20}}]}
    prices = page.locator(".card-price").all_inner_texts()
    assert prices
    assert all(float(text.split()[-1]) <= 20 for text in prices)


def test_variety_is_asked_for(open_page: OpenPage) -> None:
    page = settled(open_page("#/search?c=shop&q=clothes"))
    before = shown(page)
    with Asked(page) as asked:
        page.locator(".switch").click()
    assert asked.body["diversity"] == 0.5
    assert shown(page) != before
    assert state(page)["varied"] == ["1"]


def test_more_results_come_as_one_scrolls_each_once(open_page: OpenPage) -> None:
    page = settled(open_page("#/search?c=shop&q=clothes"))
    for _ in range(6):
        page.mouse.wheel(0, 4000)
        page.wait_for_timeout(150)
    eventually(page, "document.querySelectorAll('.results .card').length === 72")
    assert len(set(shown(page))) == 72
    eventually(
        page, "document.querySelector('.results-said').textContent === '72 results, the best first'"
    )


def test_before_anything_is_asked_all_items_are_listed_each_once_without_scores(
    open_page: OpenPage, service: Served
) -> None:
    page = settled(open_page("#/search?c=shop"))
    for _ in range(6):
        page.mouse.wheel(0, 4000)
        page.wait_for_timeout(150)
    eventually(page, "document.querySelectorAll('.results .card').length === 72")
    answer = service.api.get("/collections/shop/items").json()
    assert shown(page) == answer["ids"]
    said = "document.querySelector('.results-said').textContent"
    eventually(page, f"{said} === '72 items from the catalogue'")
    assert page.locator(".results .card-score").count() == 0


def test_what_is_listed_passes_the_filters(open_page: OpenPage, service: Served) -> None:
    item = service.api.get("/collections/shop/items?full=true&limit=1").json()["items"][0]
    category = item["attributes"]["category"]
    page = settled(open_page(f"#/search?c=shop&f.category={category}"))
    asked = {"filter": json.dumps({"category": category})}
    answer = service.api.get("/collections/shop/items", params=asked).json()
    assert shown(page) == answer["ids"][:24]
    assert item["id"] in answer["ids"]
    assert len(answer["ids"]) < 72


def test_more_and_less_like_this_build_a_tray_that_feeds_recommend(
    open_page: OpenPage, service: Served
) -> None:
    page = settled(open_page("#/search?c=shop&q=a+dress"))
    liked, disliked = shown(page)[0], shown(page)[3]
    with Asked(page, "recommend") as first:
        page.locator(".card").first.locator("[data-kind='like']").click()
    assert first.body["positive"] == [liked]
    assert liked not in shown(page)
    other = shown(page)[2]
    with Asked(page, "recommend") as second:
        page.locator(f".card[data-id='{other}'] [data-kind='dislike']").click()
    assert (second.body["positive"], second.body["negative"]) == ([liked], [other])
    body = {"positive": [liked], "negative": [other], "limit": 24}
    hits = service.api.post("/collections/shop/recommend", json=body).json()["hits"]
    assert shown(page) == [hit["id"] for hit in hits]
    assert page.locator(".tray-item.like").count() == 1
    assert page.locator(".tray-item.dislike").count() == 1
    with Asked(page) as cleared:
        page.click(".tray >> text=Clear")
    assert cleared.body["query"] == [{"text": "a dress", "weight": 1}]
    assert page.locator(".tray").is_hidden()
    # with nothing liked, what is disliked is pushed away from what is searched for
    with Asked(page) as pushed:
        page.locator(f".card[data-id='{disliked}'] [data-kind='dislike']").click()
    assert pushed.body["query"][1] == {"item": disliked, "weight": -0.6}


def test_item_page_shows_all_and_its_neighbours(open_page: OpenPage, service: Served) -> None:
    page = settled(open_page("#/search?c=shop&q=a+dress"))
    wanted = shown(page)[0]
    page.locator(".card-title a").first.click()
    page.wait_for_selector(".item")
    record = service.api.get(f"/collections/shop/items/{wanted}").json()
    assert page.inner_text("h1") == record["title"]
    facts = page.inner_text(".facts")
    assert wanted in facts
    for value in record["attributes"].values():
        assert f"{value:g}" if isinstance(value, float) else str(value) in facts
    eventually(page, "document.querySelector('.item-picture img')?.naturalWidth > 0")
    page.click("summary")
    assert page.evaluate("JSON.parse(document.querySelector('.raw pre').textContent)") == record
    page.wait_for_selector(".grid .card")
    body = {"item": wanted, "limit": 12}
    hits = service.api.post("/collections/shop/search", json=body).json()["hits"]
    neighbours = page.eval_on_selector_all(".grid .card", "all => all.map((o) => o.dataset.id)")
    assert neighbours == [hit["id"] for hit in hits]
    with Asked(page, "recommend") as asked:
        page.click(".item-actions >> text=More like this")
    assert asked.body["positive"] == [wanted]


def test_the_back_button_goes_through_every_step(open_page: OpenPage) -> None:
    page = settled(open_page("#/search?c=shop&q=a+dress"))
    first = shown(page)
    seek(page, "shoes")
    page.mouse.wheel(0, 5000)
    eventually(page, "document.querySelectorAll('.results .card').length > 24")
    page.locator(".card-title a").nth(30).scroll_into_view_if_needed()
    second, height = shown(page), page.evaluate("scrollY")
    assert height > 500
    page.locator(".card-title a").nth(30).click()
    page.wait_for_selector(".item")
    page.go_back()
    settled(page)
    # all that was loaded is there, and one is where one was
    assert shown(page)[:31] == second[:31]
    assert page.evaluate("scrollY") == pytest.approx(height, abs=60)
    assert page.input_value("#q") == "shoes"
    with Asked(page):
        page.go_back()
    assert shown(page) == first
    assert page.input_value("#q") == "a dress"


def test_a_search_can_be_linked(open_page: OpenPage) -> None:
    page = settled(open_page("#/search?c=shop&q=clothes"))
    with Asked(page):
        page.locator(".facet input[type=checkbox]").first.check()
    with Asked(page):
        page.locator(".switch").click()
    address = "#" + page.url.partition("#")[2]
    assert shown(settled(open_page(address))) == shown(page)


def test_a_picture_stays_in_its_tab_and_elsewhere_the_link_says_so(
    open_page: OpenPage, items: list[dict[str, Any]], tmp_path: Path
) -> None:
    page = settled(open_page())
    picture = picture_of(items[7], tmp_path)
    with Asked(page):
        page.set_input_files("#picture-file", picture)
    found = shown(page)
    page.reload()
    assert shown(page) == found
    address = "#" + page.url.partition("#")[2]
    elsewhere = settled(open_page(address))
    assert "Pictures are not part of a link" in elsewhere.inner_text(".missing")
    with Asked(elsewhere):
        elsewhere.set_input_files(".missing input", picture)
    assert shown(elsewhere) == found
    assert "#" + elsewhere.url.partition("#")[2] == address
    assert elsewhere.locator(".missing").count() == 0


def test_what_is_no_picture_is_refused_in_words(open_page: OpenPage) -> None:
    page = settled(open_page())
    page.evaluate(DROP, [*as_file("list.csv", b"a,b", "text/csv"), "#main"])
    assert "“list.csv” is not a picture" in page.inner_text(".toast")
    page.evaluate(DROP, [*as_file("broken.jpg", b"no picture at all"), "#main"])
    page.wait_for_selector(".results .problem")
    assert "Picture can't be read" in page.inner_text(".results .problem")
