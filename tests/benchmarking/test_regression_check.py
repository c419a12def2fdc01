"""The check of what a request costs: that it sees what it is for, and says so."""

import json
from pathlib import Path
from unittest import mock

import pytest
from benchmarks.regression import counts
from benchmarks.regression.__main__ import checked, main
from benchmarks.regression.figures import (
    BASELINE,
    Figure,
    Kind,
    judge,
    read_baseline,
    write_baseline,
)
from benchmarks.regression.subject import REQUESTS, Subject, running


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory):
    with running(tmp_path_factory.mktemp("regression")) as started:
        yield started


def figures_of(subject: Subject, name: str) -> dict[str, Figure]:
    found = counts.of_request(subject, counts.CountedCalls(), name, REQUESTS[name])
    return {figure.name: figure for figure in found}


@pytest.mark.parametrize(
    "name", ["picture as multipart", "text, new", "search by item", "hybrid search with a filter"]
)
def test_a_request_costs_what_the_baseline_says(subject: Subject, name: str) -> None:
    made = {n: one for n, one in figures_of(subject, name).items() if one.kind is Kind.EXACT}
    baseline = read_baseline()
    assert {n: one.value for n, one in made.items()} == {n: baseline[n] for n in made}


def test_a_picture_that_is_decoded_twice_is_found_and_named(subject: Subject) -> None:
    first = figures_of(subject, "picture as multipart")
    real = subject.encoder.images.__class__._decoded

    def twice(self, data):
        real(self, data)
        return real(self, data)

    with mock.patch.object(subject.encoder.images.__class__, "_decoded", twice):
        second = figures_of(subject, "picture as multipart")
    failed = [
        v.line for v in judge(second.values(), {n: f.value for n, f in first.items()}) if v.failed
    ]
    assert any("picture as multipart: decodings: was 1, is 2" in line for line in failed)


def test_a_copy_of_a_body_more_is_beyond_the_bound(subject: Subject) -> None:
    body = bytes(1 << 20)

    def keep(copies: int) -> float:
        return counts.least_peak(lambda: [bytes(bytearray(body)) for _ in range(copies)]) / len(
            body
        )

    was, now = keep(3), keep(4)
    one = Figure("multipart body: copies", now, "bodies", Kind.MEMORY)
    assert judge([one], {one.name: was})[0].failed
    assert not judge([one], {one.name: now})[0].failed


@pytest.mark.parametrize("kind", list(Kind))
def test_a_figure_at_its_bound_passes_and_one_above_fails(kind: Kind) -> None:
    times, more = kind.value
    bound = 100 * times + more
    at, above = Figure("a", bound, "", kind), Figure("a", bound * 1.001, "", kind)
    assert [v.failed for v in judge([at, above], {"a": 100.0})] == [False, True]


def test_a_figure_that_the_baseline_lacks_fails() -> None:
    (verdict,) = judge([Figure("new", 1.0, "", Kind.EXACT)], {})
    assert verdict.failed
    assert "the baseline does not have it" in verdict.line


def test_a_ratio_that_a_neighbour_disturbed_once_is_taken_again(monkeypatch) -> None:
    values = iter([9.0, 1.1, 1.0])
    monkeypatch.setattr("benchmarks.regression.__main__.PARTS", ("only",))
    monkeypatch.setattr(
        "benchmarks.regression.__main__.measured",
        lambda _: [Figure("a", next(values), "", Kind.RATIO)],
    )
    (verdict,) = checked({"a": 1.0})
    assert not verdict.failed
    assert verdict.figure.value == 1.1
    assert next(values) == 1.0


def test_failure_names_was_is_and_what_to_do(monkeypatch, capsys, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    write_baseline(
        [Figure("a: decodings", 1, "", Kind.EXACT), Figure("gone", 1, "", Kind.EXACT)], path
    )
    monkeypatch.setattr("sys.argv", ["regression"])
    monkeypatch.setattr("benchmarks.regression.__main__.read_baseline", lambda: read_baseline(path))
    monkeypatch.setattr("benchmarks.regression.__main__.PARTS", ("only",))
    monkeypatch.setattr(
        "benchmarks.regression.__main__.measured",
        lambda _: [Figure("a: decodings", 2, "", Kind.EXACT)],
    )
    assert main() == 1
    said = capsys.readouterr().out
    assert "a: decodings: was 1, is 2" in said
    assert "gone: the baseline has it" in said
    assert "make bench-check RENEW=1" in said


def test_committed_baseline_is_what_renewing_writes(tmp_path: Path) -> None:
    again = tmp_path / "again.json"
    kept = [Figure(n, v, "", Kind.EXACT) for n, v in json.loads(BASELINE.read_text()).items()]
    write_baseline(kept, again)
    assert again.read_bytes() == BASELINE.read_bytes()
