"""Threads follow what the process may really use."""

import os

import pytest

from lookalike.encoder.cores import inference_threads, usable_cores


@pytest.fixture
def affinity(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("quota", "cores", "threads"),
    [
        ("max 100000", 8, 8),
        ("400000 100000", 4, 4),
        ("150000 100000", 1.5, 1),
        ("50000 100000", 0.5, 1),
        ("rubbish", 8, 8),
    ],
)
def test_a_quota_of_cgroup_v2_counts(affinity, tmp_path, quota, cores, threads):
    (tmp_path / "cpu.max").write_text(quota + "\n")
    assert usable_cores(tmp_path) == cores
    assert inference_threads(0, tmp_path) == threads


def test_a_quota_of_cgroup_v1_counts(affinity, tmp_path):
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("250000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert usable_cores(tmp_path) == 2.5
    assert inference_threads(0, tmp_path) == 2


def test_without_a_quota_affinity_counts(affinity, tmp_path):
    assert inference_threads(0, tmp_path) == 8


def test_what_is_asked_for_wins(affinity, tmp_path):
    assert inference_threads(3, tmp_path) == 3
