"""What the processes of the service take of their machine: CPU, memory, files. Read from /proc; elsewhere nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
# Fields of /proc/PID/stat behind the name, counted from 0 (proc(5) counts the state as 3).
_CPU = (11, 12)
_CPU_OF_ENDED_CHILDREN = (13, 14)
_STARTED = 19


@dataclass(frozen=True, slots=True)
class Figures:
    """Of all processes together.

    `cpu_s`: of those that have ended too. `resident`, `anonymous`: bytes; what several map counts once for each in the
    former, files that are mapped do not count in the latter. `started_s`: of the first, in seconds since 1970.
    """

    cpu_s: float
    resident: int
    anonymous: int
    open_files: int
    started_s: float


def processes(parent: int | None) -> list[int]:
    """A parent with its workers; without one, this process alone."""
    if parent is None:
        return [os.getpid()]
    try:
        children = (_PROC / f"{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    except OSError:  # the parent has gone, or the kernel does not tell
        return [os.getpid()]
    return [parent, *map(int, children)]


def figures(pids: Sequence[int]) -> Figures | None:
    """Of the processes that are still there; None where the system does not tell."""
    ticks, found = os.sysconf("SC_CLK_TCK"), list(filter(None, map(_of, pids)))
    if not found:
        return None
    boot = _boot_s()
    return Figures(
        cpu_s=sum(cpu for cpu, *_ in found) / ticks,
        started_s=boot + min(started for _, started, *_ in found) / ticks,
        resident=sum(resident for _, _, resident, *_ in found),
        anonymous=sum(anonymous for *_, anonymous, _ in found),
        open_files=sum(files for *_, files in found),
    )


def _of(pid: int) -> tuple[int, int, int, int, int] | None:
    """CPU and start in ticks, resident and anonymous bytes, open files; None of a process that has ended."""
    folder = _PROC / str(pid)
    try:
        stat = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        status = (folder / "status").read_text(encoding="utf-8").splitlines()
        files = len(os.listdir(folder / "fd"))  # noqa: PTH208  only their number is wanted
    except OSError:
        return None
    sizes = {line.partition(":")[0]: line.split()[1] for line in status if line.startswith(("VmRSS:", "RssAnon:"))}
    if len(sizes) != 2:
        return None  # it has ended, and waits to be taken note of
    cpu = sum(int(stat[field]) for field in (*_CPU, *_CPU_OF_ENDED_CHILDREN))
    return cpu, int(stat[_STARTED]), 1024 * int(sizes["VmRSS"]), 1024 * int(sizes["RssAnon"]), files


def _boot_s() -> float:
    for line in (_PROC / "stat").read_text(encoding="ascii").splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    return 0.0
