import numpy as np
import pytest

from lookalike.evaluation.retrieval import Recall, agreement, rank_correlation, recall


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def vectors() -> np.ndarray:
    return unit(np.random.default_rng(0).normal(size=(60, 16)))


def test_equal_vectors_agree_wholly(vectors: np.ndarray) -> None:
    found = agreement(vectors, vectors)
    assert found.cosine_mean == pytest.approx(1, abs=1e-6)
    assert (found.kept, found.rank_correlation) == (1, pytest.approx(1))
    assert (found.count, found.top) == (60, 10)


def test_the_worst_vector_is_told_beside_the_mean(vectors: np.ndarray) -> None:
    other = vectors.copy()
    other[7] = -other[7]
    found = agreement(vectors, other)
    assert found.cosine_worst == pytest.approx(-1, abs=1e-6)
    assert found.cosine_mean == pytest.approx(58 / 60, abs=1e-6)


def test_foreign_vectors_keep_of_the_top_what_chance_keeps(vectors: np.ndarray) -> None:
    other = unit(np.random.default_rng(1).normal(size=(60, 16)))
    found = agreement(vectors, other)
    assert found.kept == pytest.approx(10 / 59, abs=0.06)
    assert abs(found.rank_correlation) < 0.1


def test_a_turned_space_keeps_every_neighbour_though_no_cosine(vectors: np.ndarray) -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(16, 16)))
    found = agreement(vectors, unit(vectors @ turn))
    assert abs(found.cosine_mean) < 0.2
    assert found.kept == pytest.approx(1, abs=0.005)


def test_copies_in_the_top_are_not_counted_as_lost() -> None:
    exact = unit(np.repeat(np.random.default_rng(3).normal(size=(3, 8)), 15, axis=0))
    order = np.random.default_rng(4).permutation(45)
    assert agreement(exact[order], exact[order]).kept == 1


def test_rank_correlation_is_spearmans() -> None:
    a = np.array([[1, 2, 3, 4, 5]], np.float32)
    b = np.array([[5, 6, 7, 8, 7]], np.float32)  # a textbook's example: 0.8208 with ties
    assert rank_correlation(a, b) == pytest.approx(0.8208, abs=1e-4)
    assert rank_correlation(a, -a) == pytest.approx(-1)


def test_recall_counts_queries_with_a_right_answer_among_the_first() -> None:
    documents = np.eye(12, dtype=np.float32)
    queries = unit(np.array([[12 - i for i in range(12)]] * 3, np.float32))  # order: 0, 1, 2, ...
    answers = [frozenset({0}), frozenset({4, 11}), frozenset({9})]
    assert recall(queries, documents, answers) == Recall(
        pytest.approx(1 / 3), pytest.approx(2 / 3), 1
    )


def test_a_model_that_gives_one_vector_for_all_has_no_recall() -> None:
    same = np.ones((20, 4), np.float32) / 2
    found = recall(same, same, [frozenset({i}) for i in range(20)])
    assert found == Recall(0, 0, 0)
