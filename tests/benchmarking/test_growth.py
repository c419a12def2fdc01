"""The curves measure what they say."""

import numpy as np
import pytest
from benchmarks.catalog import K, blocks, centres, exact, members
from benchmarks.growth import alone, cores, filters


def test_exact_search_among_some_finds_the_nearest_of_those() -> None:
    count = 12_000  # more than a block
    queries = members(7, centres(count), 5)
    passing = filters.numbers(count)[:, 0] < 0.05
    vectors = np.concatenate(list(blocks(count)))
    scores = queries @ vectors.T
    scores[:, ~passing] = -2
    found = exact(queries, count, passing)
    assert passing[found].all()
    for row, one in zip(found, scores, strict=True):
        assert set(row) == set(np.argsort(-one)[:K])


def test_as_many_items_pass_as_the_curve_says_however_many_conditions() -> None:
    drawn = filters.numbers(20_000)
    for _, conditions, share in filters.cases():
        bound = share ** (1 / conditions) if conditions else 1.0
        passing = (drawn[:, :conditions] < bound).all(axis=1)
        assert passing.mean() == pytest.approx(share, abs=0.01)


def test_filters_are_measured_on_what_the_real_store_finds() -> None:
    rows = list(filters.run(1_500, 10))
    assert [(row["curve"], row["conditions"]) for row in rows] == [
        (curve, conditions) for curve, conditions, _ in filters.cases()
    ]
    # so few are searched exactly: anything less says that store and measure filter differently
    assert [row["recall_at_10"] for row in rows] == [1.0] * len(rows)
    assert all(0 < row["p50_ms"] <= row["p99_ms"] for row in rows)


def test_where_no_control_group_can_be_made_that_is_said_and_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Refused:
        def __init__(self, memory: int, cores: float) -> None:
            raise PermissionError("only root may")

    monkeypatch.setattr(cores, "ControlGroup", Refused)
    assert list(cores.run("tiny", [0.5], ["auto"], 0.01)) == []
    assert "0.5 cores: no control group can be made here (only root may)" in capsys.readouterr().err


def test_one_core_by_affinity_is_one_thread_of_the_encoder() -> None:
    (row,) = cores.run("tiny", [1.0], ["auto"], 0.01)
    assert row["threads"] == 1
    assert row["by"] == "affinity"
    assert row["pictures_per_second"] > 0
    assert 0 < row["resident_mb"] <= row["peak_mb"]


def test_a_task_that_fails_is_named_and_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    task = {"measure": "batch", "model": "no-such-model", "precision": "fp32", "seconds": 0.01}
    assert alone.alone(task) is None
    assert "left out" in capsys.readouterr().err
