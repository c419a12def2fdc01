"""The operator's page, in a real browser against a running service."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.web.conftest import NARROW, OpenPage, Served

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect


def test_what_runs_is_shown(open_page: OpenPage, service: Served) -> None:
    page = open_page("#/operator")
    info = service.api.get("/info").json()
    expect(page.get_by_text("Ready", exact=True)).to_be_visible()
    running = page.locator(".panel", has=page.get_by_role("heading", name="Running"))
    for fact in ("fingerprint", "precision", "device", "runtime", "model"):
        expect(running).to_contain_text(str(info[fact]))
    limits = page.locator(".panel", has=page.get_by_role("heading", name="Limits"))
    expect(limits).to_contain_text("max body bytes32 MiB")
    card = page.locator(".panel", has=page.get_by_role("heading", name="Model card"))
    expect(card).to_contain_text(info["card"]["architecture"])


def test_charts_follow_what_is_asked_of_the_service(open_page: OpenPage, service: Served) -> None:
    page = open_page("#/operator?every=1")
    requests = page.get_by_role("img", name=re.compile("Requests"))
    expect(requests).to_be_visible()
    lines = page.locator("figure", has_text="Latency").locator("polyline")
    end = time.monotonic() + 15
    while lines.count() == 0:
        assert time.monotonic() < end, "no line is drawn"
        service.api.post("/embed/text", json={"text": f"words {time.monotonic()}"})
        page.wait_for_timeout(150)
    described = page.locator("figure", has_text="Latency").locator(".chart-words")
    expect(described).to_contain_text(re.compile(r"p50: .*m?s.*; p99: .* at most [\d.]+ m?s"))
    expect(page.locator("figure", has_text="Memory")).to_contain_text("MiB now")


def test_last_errors_are_told_and_no_content(open_page: OpenPage, service: Served) -> None:
    service.api.post("/embed/image", json={"image": "aGVsbG8="}, headers={"x-request-id": "bad-1"})
    page = open_page("#/operator")
    row = page.get_by_role("row", name=re.compile("bad-1"))
    expect(row).to_contain_text("422")
    expect(row).to_contain_text("image_unreadable")
    expect(row).to_contain_text("POST /embed/image")


def test_pace_is_in_the_address_and_paused_asks_nothing(open_page: OpenPage) -> None:
    page = open_page("#/operator?every=1")
    page.get_by_label("Refresh").select_option("paused")
    assert page.url.endswith("every=0")
    page.wait_for_timeout(300)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1500)
    assert not [url for url in asked if url.endswith("/metrics")]
    page.reload()
    expect(page.get_by_label("Refresh")).to_have_value("0")
    expect(page.get_by_text("Ready", exact=True)).to_be_visible()


def test_a_service_that_is_gone_is_said_in_words(open_page: OpenPage) -> None:
    page = open_page("#/operator?every=1")
    expect(page.get_by_text("Ready", exact=True)).to_be_visible()
    page.route("**/metrics", lambda route: route.abort())
    expect(page.get_by_role("alert")).to_contain_text("can't be reached")
    page.unroute("**/metrics")
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    open_page: OpenPage, serious: Callable[[Any], list[str]], scheme: str
) -> None:
    page = open_page("#/operator", color_scheme=scheme, viewport=NARROW)
    expect(page.get_by_role("heading", name="Model card")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious(page) == []


# The modules behind it, run in the browser

TEXT = """# HELP a_total Some "words"
# TYPE a_total counter
a_total{route="/x/{y}",status="200"} 3.0
a_total{route="a\\"b\\\\c",status="500"} 1.0
s_bucket{le="0.1"} 2.0
s_bucket{le="0.5"} 6.0
s_bucket{le="+Inf"} 8.0
up 1.0
"""

SCRIPT = """async (text) => {
  const m = await import('/web/lab/metrics.js');
  const { ceilingOf } = await import('/web/lab/lines.js');
  const samples = m.parse(text);
  const h = m.histogram(samples, 's');
  return {
    sums: [
      m.total(samples, 'a_total'), m.total(samples, 'a_total', (labels) => labels.status === '500'),
      m.total(samples, 'none'), m.total(samples, 'up'),
    ],
    routes: samples.get('a_total').map(({ labels }) => labels.route),
    quantiles: [0.25, 0.5, 0.99].map((q) => m.quantile(q, h)),
    nothing: m.quantile(0.5, m.since(h, h)),
    since: m.since([[0.1, 1], [0.5, 1], [Infinity, 1]], h),
    ceilings: [0, 0.3, 1, 7, 21, 1000].map(ceilingOf),
  };
}"""


def test_metrics_are_read_as_prometheus_does(open_page: OpenPage) -> None:
    found = open_page("#/operator?every=0").evaluate(SCRIPT, TEXT)
    assert found["sums"] == [4, 1, None, 1]
    assert found["routes"] == ["/x/{y}", 'a"b\\c']
    # of 8: 2 up to 0.1, 4 more up to 0.5, 2 beyond
    assert found["quantiles"] == pytest.approx([0.1, 0.3, 0.5])
    assert found["nothing"] is None
    assert [count for _, count in found["since"]] == [1, 5, 7]
    assert found["ceilings"] == pytest.approx([1, 0.5, 1, 10, 50, 1000])
