"""How much memory of its own a service holds, all its processes together, and whether that grows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import numpy as np

EVERY_S = 0.5
# Neighbouring samples are alike, so that each of them by itself would say more than it knows: means of stretches count.
_STRETCHES = 20
# Over the second half of a run, this share more than is held, beyond twice the error of the slope, is growth.
MOST_GROWTH = 0.02


@dataclass(frozen=True, slots=True)
class Slope:
    """By least squares over the second half of a run. `held_mb`: the mean there; `grown_mb`: over all of that half."""

    held_mb: float
    mb_per_hour: float
    standard_error: float
    hours: float

    @property
    def grows(self) -> bool:
        """Growth that is no chance (over twice the standard error), and of more than `MOST_GROWTH` of what is held."""
        surely = (self.mb_per_hour - 2 * self.standard_error) * self.hours
        return surely > 0 and self.mb_per_hour * self.hours > MOST_GROWTH * self.held_mb

    def __str__(self) -> str:
        return (
            f"{self.held_mb:.0f} MB held; slope over the second half {self.mb_per_hour:+.1f} MB/hour "
            f"(standard error {self.standard_error:.1f}): {'it grows' if self.grows else 'no growth'}"
        )


def slope(samples: Sequence[tuple[float, float]]) -> Slope:
    """
    Args:
        samples: seconds and megabytes, of a whole run.
    """
    second_half = np.array(samples[len(samples) // 2 :])
    parts = np.array_split(second_half, min(_STRETCHES, len(second_half)))
    hours, held = np.array([part.mean(axis=0) for part in parts]).T
    hours = hours / 3600
    away = hours - hours.mean()
    rise = float((away * held).sum() / (away**2).sum())
    left = held - held.mean() - rise * away
    error = float(np.sqrt((left**2).sum() / max(len(held) - 2, 1) / (away**2).sum()))
    return Slope(float(held.mean()), rise, error, float(hours[-1] - hours[0]))


class Weighing:
    """Weighs a process and those that it started, in a thread of its own, until the block ends."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stop = Event()
        self._thread = Thread(target=self._weigh)
        self.samples: list[tuple[float, float]] = []

    def __enter__(self) -> Weighing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _weigh(self) -> None:
        started = time.monotonic()
        while not self._stop.wait(EVERY_S):
            self.samples.append((time.monotonic() - started, megabytes(self._pid)))


def megabytes(pid: int) -> float:
    """RssAnon of a process and of its children, what they share by a fork counted once for each."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return sum(_own(process) for process in (str(pid), *children))


def _own(process: str) -> float:
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon:")), 0.0)
