from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from indexer.times import LONGEST_INTERPOLATION_S, Timeline
from indexer.types import Episode, TimeMark, TimeSource, Turn
from tests.indexer.making import episode_with, marked

EXACT, INTERPOLATED, ABSENT = TimeSource.EXACT, TimeSource.INTERPOLATED, TimeSource.ABSENT
TEN = "0123456789"


def timeline(episode: Episode) -> Timeline:
    return Timeline(list(zip(episode.turn_offsets, episode.turns, strict=True)))


def test_a_place_that_carries_a_stamp_has_its_time() -> None:
    assert timeline(episode_with([marked(TEN, (0, 5.0), (4, 9.0))])).at(4) == (9.0, EXACT)


def test_a_place_between_two_stamps_has_an_interpolated_time() -> None:
    assert timeline(episode_with([marked(TEN, (0, 10.0), (8, 18.0))])).at(2) == (12.0, INTERPOLATED)


def test_interpolation_goes_on_across_turns_without_a_stamp() -> None:
    times = timeline(episode_with([marked(TEN, (0, 0.0)), marked(TEN), marked(TEN, (0, 24.0))]))
    assert times.at(12) == (12.0, INTERPOLATED)


def test_before_the_first_stamp_and_after_the_last_there_is_no_time() -> None:
    times = timeline(episode_with([marked(TEN, (3, 10.0), (8, 18.0))]))
    assert times.at(2) == (None, ABSENT)
    assert times.at(9) == (None, ABSENT)


def test_the_end_of_the_last_cue_is_a_stamp() -> None:
    times = timeline(episode_with([marked(TEN, (0, 10.0), end_s=20.0)]))
    assert times.at(5) == (15.0, INTERPOLATED)
    assert times.at(10) == (20.0, EXACT)


def test_no_stamps_no_times() -> None:
    assert timeline(episode_with([marked(TEN), marked(TEN)])).at(3) == (None, ABSENT)
    assert timeline(episode_with([])).at(0) == (None, ABSENT)


def test_a_stamp_that_runs_back_is_left_out() -> None:
    times = timeline(episode_with([marked(TEN, (0, 10.0)), marked(TEN, (0, 3.0)), marked(TEN, (0, 34.0))]))
    assert times.at(12) == (22.0, INTERPOLATED)
    assert times.at(24) == (34.0, EXACT)


def test_stamps_that_are_all_zero_are_no_times() -> None:
    times = timeline(episode_with([marked(TEN, (0, 0.0), end_s=0.0), marked(TEN, (0, 0.0), end_s=0.0)]))
    assert {times.at(char) for char in range(23)} == {(None, ABSENT)}


def test_a_single_stamp_of_zero_is_a_time() -> None:
    assert timeline(episode_with([marked(TEN, (0, 0.0))])).at(0) == (0.0, EXACT)


def test_stamps_far_apart_are_not_interpolated_between() -> None:
    times = timeline(episode_with([marked(TEN, (0, 0.0), (9, LONGEST_INTERPOLATION_S + 1))]))
    assert times.at(5) == (None, ABSENT)
    assert times.at(9) == (LONGEST_INTERPOLATION_S + 1, EXACT)


turns = st.lists(
    st.builds(
        lambda text, places, end_s: Turn(
            None, text, marks=tuple(TimeMark(char, s) for char, s in sorted(places) if char <= len(text)), end_s=end_s
        ),
        st.text("ab ", min_size=1, max_size=20),
        st.lists(st.tuples(st.integers(0, 20), st.floats(0, 2000)), max_size=4, unique_by=lambda place: place[0]),
        st.none() | st.floats(0, 2000),
    ),
    max_size=6,
)


@given(turns)
def test_times_never_run_back_and_are_never_beyond_the_stamps(found: list[Turn]) -> None:
    episode = episode_with(found)
    times = [timeline(episode).at(char) for char in range(len(episode.text) + 1)]
    known = [time_s for time_s, _ in times if time_s is not None]
    stamps = [mark.seconds for turn in found for mark in turn.marks] + [t.end_s for t in found if t.end_s is not None]
    assert known == sorted(known)
    assert all(min(stamps) - 0.001 <= time_s <= max(stamps) + 0.001 for time_s in known)
    assert all((source is ABSENT) == (time_s is None) for time_s, source in times)


@given(turns)
def test_an_exact_time_is_one_that_was_read_there(found: list[Turn]) -> None:
    episode = episode_with(found)
    read = {(o + m.char, m.seconds) for o, t in zip(episode.turn_offsets, found, strict=True) for m in t.marks}
    if found and found[-1].end_s is not None:
        read.add((len(episode.text), found[-1].end_s))
    for char in range(len(episode.text) + 1):
        time_s, source = timeline(episode).at(char)
        if source is EXACT:
            assert (char, time_s) in read


def test_the_place_of_a_time_is_the_last_stamp_before_it() -> None:
    times = timeline(episode_with([marked(TEN, (2, 10.0), (8, 18.0)), marked(TEN, (0, 20.0))]))
    assert [times.place_at(time_s) for time_s in (0.0, 10.0, 17.9, 18.0, 19.0, 20.0)] == [2, 2, 2, 8, 8, 12]


def test_after_the_last_stamp_and_without_any_a_time_has_no_place() -> None:
    times = timeline(episode_with([marked(TEN, (0, 10.0), (8, 18.0))]))
    assert (times.place_at(18.1), times.span_s) == (None, (10.0, 18.0))
    unknown = timeline(episode_with([marked(TEN)]))
    assert (unknown.place_at(0.0), unknown.span_s) == (None, None)
