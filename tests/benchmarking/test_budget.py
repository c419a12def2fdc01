"""The stage budget adds up, and its timers are around what they say they are."""

import asyncio
from typing import Any
from xml.etree import ElementTree

import pytest
from benchmarks.budget import measure, report, server
from benchmarks.budget.stages import STAGES, Timer

AROUND = {
    "send",
    "read",
    "layers",
    "parse",
    "pool",
    "batcher",
    "inference",
    "back",
    "encode",
    "write",
}
PICTURE = {"header", "decode", "resize"}
EXPECTED = {
    "data URI": AROUND | PICTURE | {"base64"},
    "base64": AROUND | PICTURE | {"base64"},
    "multipart": AROUND | PICTURE,
    "text": AROUND | {"tokenize"},
}
REQUESTS = 4


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Of the real service, with the built-in model."""
    return measure.measure("tiny", "auto", REQUESTS)


def test_every_stage_of_a_request_is_met_and_no_other(rows: list[dict[str, Any]]) -> None:
    assert {row["request"]: set(row["stages"]) for row in rows} == EXPECTED
    assert all(ms > 0 for row in rows for ms in row["stages"].values())
    assert all(row["requests"] == REQUESTS for row in rows)
    assert all(row["plain_ms"] > 0 for row in rows)


def test_stages_come_one_after_the_other_as_the_service_works(rows: list[dict[str, Any]]) -> None:
    body, prepare = "layers parse layers pool", "header decode resize decode batcher"
    answer = "inference back layers encode layers write"
    assert {row["request"]: " ".join(row["path"]) for row in rows} == {
        "data URI": f"read {body} base64 pool {prepare} {answer}",
        "base64": f"read {body} base64 pool {prepare} {answer}",
        "multipart": f"read layers parse {body} {prepare} {answer}",  # the form, then its files
        "text": f"read {body} tokenize batcher {answer}",
    }


def test_the_timers_lie_within_what_the_service_says_of_itself(rows: list[dict[str, Any]]) -> None:
    rounding = 0.006
    for row in rows:
        told = row["server_timing"]
        prepared = {"base64", "header", "decode", "resize", "tokenize"} & set(row["stages"])
        assert row["stages"]["inference"] <= told["inference"] + rounding
        assert all(row["stages"][stage] <= told["decode"] + rounding for stage in prepared)


def test_what_is_unaccounted_is_what_the_sum_leaves_of_the_whole(
    rows: list[dict[str, Any]],
) -> None:
    for row in rows:
        assert row["sum_ms"] == pytest.approx(sum(row["stages"].values()))
        assert row["unaccounted_ms"] == pytest.approx(row["whole_ms"] - row["sum_ms"])


def test_the_table_and_the_bars_show_every_row(rows: list[dict[str, Any]]) -> None:
    rendered = report.budget(rows)
    for row in rows:
        assert any(row["request"] in line for line in rendered.lines)
        drawn = sum(ms for _, ms in report.parts(row))
        assert drawn == pytest.approx(row["sum_ms"] + max(0.0, row["unaccounted_ms"]))
    ElementTree.fromstring(rendered.plots["budget.svg"])


def test_stages_of_one_request_add_up_to_what_the_client_saw() -> None:
    switches = [
        ("read", 1.010),
        ("layers", 1.015),
        ("decode", 1.016),
        ("layers", 1.020),
        ("write", 1.021),
    ]
    spent = measure.spent(switches, began=1.0, ended=1.025)
    assert sum(spent.values()) == pytest.approx(25.0)
    named = {stage: ms for stage, ms in spent.items() if ms}
    assert named == pytest.approx({"send": 10, "read": 5, "layers": 2, "decode": 4, "write": 4})


def test_what_the_server_does_after_the_client_has_its_answer_is_not_counted() -> None:
    spent = measure.spent([("read", 1.0), ("write", 1.5), ("layers", 2.5)], began=0.9, ended=2.0)
    assert sum(spent.values()) == pytest.approx(1100.0)
    assert spent["layers"] == 0
    assert spent["write"] == pytest.approx(500.0)


def test_a_timer_gives_back_the_stage_that_it_interrupted() -> None:
    clock = server.Clock()
    outer = server._timed(clock, Timer("outer", "parse"), lambda: inner())
    inner = server._timed(clock, Timer("inner", "base64", "decode"), lambda: None)
    outer()
    clock.end()
    assert clock.done == [], "there was no request"
    clock.begin("read")
    clock.begin("read")
    outer()
    clock.end()
    assert [stage for stage, _ in clock.done[0]] == ["read", "parse", "base64", "decode", "read"]


def test_a_timer_around_a_coroutine_ends_when_it_has_its_result() -> None:
    clock = server.Clock()

    async def slow() -> str:
        clock.switch("inference")
        await asyncio.sleep(0)
        return "done"

    clock.begin("read")
    assert asyncio.run(server._timed(clock, Timer("slow", "pool", "layers"), slow)()) == "done"
    clock.end()
    assert [stage for stage, _ in clock.done[0]] == ["read", "pool", "inference", "layers"]


def test_a_function_that_is_gone_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Timer("lookalike.service.api:_Request.gone", "parse")
    monkeypatch.setattr(server, "TIMERS", (gone,))
    with pytest.raises(AttributeError, match="gone"):
        server.install(server.Clock())


def test_every_timer_names_a_stage_that_there_is() -> None:
    named = {one for timer in server.TIMERS for one in (timer.inside, timer.after)} - {None}
    assert named <= set(STAGES)
