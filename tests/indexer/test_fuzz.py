"""A short run of `make fuzz`: damaged transcripts are episodes or refusals, never anything else."""

from __future__ import annotations

from tests.fuzz import fuzz, samples


def test_damaged_files_are_read_or_refused() -> None:
    outcomes = fuzz(1500, 7, samples())
    assert outcomes.total() == 1500
    assert set(outcomes) == {"episode", "refused"}
