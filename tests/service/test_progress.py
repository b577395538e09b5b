"""What a long run shows of its speed."""

from __future__ import annotations

from rich.progress import Progress

from service.progress import Rate


def test_the_rate_counts_what_was_done_since_the_start_and_not_what_was_there_before() -> None:
    now = 0.0
    bars = Progress(Rate(), get_time=lambda: now)
    task = bars.add_task("Embedding passages", total=10_000, completed=4_000)
    bars.update(task, completed=4_000)
    assert str(Rate().render(bars.tasks[0])) == ""
    for done in (4_000, 5_000, 6_000):
        bars.update(task, completed=done)
        now += 5.0
    assert str(Rate().render(bars.tasks[0])) == "200/s"


def test_a_slow_rate_has_a_decimal() -> None:
    now = 0.0
    bars = Progress(Rate(), get_time=lambda: now)
    task = bars.add_task("Reading transcripts", total=100)
    for done in (1, 2, 3):
        bars.update(task, completed=done)
        now += 2.0
    assert str(Rate().render(bars.tasks[0])) == "0.5/s"
