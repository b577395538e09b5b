from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.clock import clock, seconds


@pytest.mark.parametrize(
    ("stamp", "time_s"),
    [
        ("00:00:01.000", 1.0),
        ("00:00:01,500", 1.5),
        ("12:34", 754.0),
        ("2:03.25", 123.25),
        ("1:02:03.5", 3723.5),
        ("0:0:3.490", 3.49),
        ("0.860", 0.86),
        ("80", 80.0),
        ("75:03", 4503.0),
        ("100:00:00", 360000.0),
        (" 00:01 ", 1.0),
        ("0:00:00.123456", 0.123456),
    ],
)
def test_every_clock_that_transcripts_carry_is_read(stamp: str, time_s: float) -> None:
    assert seconds(stamp) == time_s


@pytest.mark.parametrize("stamp", ["", "noon", "1:2:3:4", "-1:00", "1:", ":30", "1.2.3", "1e3", "00:00:01.", "9999:00"])
def test_what_is_no_clock_is_refused(stamp: str) -> None:
    with pytest.raises(ValueError, match=r"is no timestamp$"):
        seconds(stamp)


@given(st.integers(0, 350_000))
def test_a_time_written_as_a_clock_reads_as_itself(time_s: int) -> None:
    assert seconds(clock(time_s)) == time_s


def test_a_clock_leaves_the_fraction_out() -> None:
    assert [clock(time_s) for time_s in (0, 59.99, 60, 3599.9, 3600)] == ["0:00", "0:59", "1:00", "59:59", "1:00:00"]
