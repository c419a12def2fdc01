"""The files of the page: how they are served, and that they stand alone."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from lookalike.service.routes import page as routes
from tests.web.conftest import OpenPage, Served

WEB = routes.FOLDER
FILES = sorted(path for path in WEB.rglob("*") if path.is_file())


def test_every_file_of_the_page_is_served_with_its_type(service: Served) -> None:
    for path in FILES:
        answer = service.api.get(f"/web/{path.relative_to(WEB).as_posix()}")
        assert answer.status_code == 200, path
        assert answer.content == path.read_bytes()
        kind = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
        assert answer.headers["content-type"].startswith(kind.get(path.suffix, "text/html"))


def test_a_browser_that_has_a_file_is_told_that_it_is_the_same(service: Served) -> None:
    first = service.api.get("/")
    again = service.api.get("/", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == "no-cache"
    other = service.api.get("/", headers={"if-none-match": '"other"'})
    assert other.status_code == 200


def test_policy_allows_nothing_inline_nothing_foreign_and_no_framing(service: Served) -> None:
    headers = service.api.get("/").headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/web/", "/web/nope.js", "/web/..%2fsettings.py", "/web//etc/hosts"]
)
def test_what_is_no_file_of_the_page_is_not_found(service: Served, path: str) -> None:
    assert service.api.get(path).status_code == 404


def test_the_page_needs_no_key_and_the_api_does(guarded: Served) -> None:
    with httpx.Client(base_url=guarded.url) as nobody:
        assert nobody.get("/").status_code == 200
        assert nobody.get("/web/main.js").status_code == 200
        assert nobody.get("/collections").status_code == 401


def test_files_name_no_address_outside_and_make_no_markup_of_strings() -> None:
    for path in FILES:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//cdn", text), path
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text
        ), path
        assert not re.search(r'\sstyle="|\son[a-z]+="', text), path


def test_page_opens_without_an_error(open_page: OpenPage) -> None:
    page: Any = open_page()
    page.wait_for_selector(".card")
    assert page.title() == "shop · Lookalike"


def test_folder_is_the_package_s_own() -> None:
    assert (Path(routes.__file__).parents[2] / "web" / "index.html").is_file()
