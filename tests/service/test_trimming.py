"""Which sentences of a long answer are kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.trimming import keep_around


def _ten(_: int) -> int:
    return 10


def test_everything_is_kept_where_everything_fits() -> None:
    assert keep_around([(2, range(2, 4))], 5, _ten, 50) == set(range(5))


def test_what_was_found_is_kept_first_then_the_rest_of_its_stretch_then_what_is_around() -> None:
    assert keep_around([(5, range(5, 8))], 10, _ten, 10) == {5}
    assert keep_around([(5, range(5, 8))], 10, _ten, 30) == {5, 6, 7}
    assert keep_around([(5, range(5, 8))], 10, _ten, 50) == {3, 4, 5, 6, 7}


def test_a_second_place_is_kept_before_the_first_one_grows_beyond_its_stretch() -> None:
    assert keep_around([(0, range(0, 2)), (8, range(8, 9))], 10, _ten, 40) == {0, 1, 2, 8}


def test_a_sentence_that_does_not_fit_ends_that_side_and_is_never_jumped_over() -> None:
    sizes = [10, 10, 100, 10, 10, 10]
    assert keep_around([(3, range(3, 4))], 6, sizes.__getitem__, 60) == {3, 4, 5}


def test_nothing_is_kept_where_the_best_sentence_does_not_fit() -> None:
    assert keep_around([(1, range(0, 3)), (2, range(0, 3))], 3, lambda place: 50 if place == 1 else 1, 20) == set()


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    limit=st.integers(0, 300),
    data=st.data(),
)
def test_the_limit_is_never_exceeded_and_each_side_is_without_a_gap(
    sizes: list[int], limit: int, data: st.DataObject
) -> None:
    best = data.draw(st.integers(0, len(sizes) - 1))
    first = data.draw(st.integers(0, best))
    last = data.draw(st.integers(best, len(sizes) - 1))
    kept = keep_around([(best, range(first, last + 1))], len(sizes), sizes.__getitem__, limit)
    assert sum(sizes[place] for place in kept) <= limit
    assert (best in kept) == (sizes[best] <= limit)
    assert not kept or kept == set(range(min(kept), max(kept) + 1))
