"""Several processes that answer from one socket: as many cores are used as there are processes.

Python runs one thread of a process at a time, so that many threads of one process keep little more than one core busy.
The parent does no work itself: it starts the workers, replaces one that dies, and passes on that they are to stop.
uvicorn's own workers would start again without end, and say so each time, where the index cannot be opened.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# What dies again and again as soon as it has begun is not worth a whole core.
_SECONDS_BETWEEN = 1.0

log = logging.getLogger("onrecord.service")


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker knows of itself. `ready`: to be called once it is, by the one that is waited for.

    `parent`: the process that looks after it, if there is one; without it, it is to end. `place`: its number among the
    workers, from 0; whoever takes the place of one that died has the same.
    """

    ready: Callable[[], None] | None
    parent: int | None
    place: int


@dataclass(frozen=True, slots=True)
class Care:
    """What a parent does for its workers beside starting them.

    `replaced`: is told the place of one that died. `stopped`: is called when they are told to stop, in the handler of a
    signal. `stop_within_s`: those that have not ended by then are killed.
    """

    replaced: Callable[[int], None]
    stopped: Callable[[], None]
    stop_within_s: float


def run_workers(number: int, work: Callable[[Worker], None], care: Care) -> None:
    """Runs `work` in as many processes. Returns in each when it is done, and in their parent when all are.

    The first one works alone until it says that it is ready, so that what keeps it from its work is told once. SIGTERM
    and SIGINT are passed on to all as SIGTERM; a second one kills them.

    Raises:
        SystemExit: in the parent, with the exit code of a worker that ended by itself with one.
    """
    read, write = os.pipe()
    parent, pid = _Parent(care), os.getpid()
    if parent.forks():
        os.close(read)
        work(Worker(lambda: os.close(write), pid, parent.place))
        return
    os.close(write)
    os.read(read, 1)  # until the first worker closes its end: it is ready, or it has died
    others = range(number - 1 if parent.all_run() else 0)
    if any(parent.forks() for _ in others) or parent.replaces_the_dead():
        work(Worker(None, pid, parent.place))


class _Parent:
    """The process that looks after the others. A method that forks returns True in the new process.

    `place`: in a new process, its own.
    """

    def __init__(self, care: Care) -> None:
        self._care = care
        self._workers: dict[int, int] = {}  # their places
        self.place = 0
        self._stopping = False
        self._exit_code = 0
        for number in SIGNALS:
            signal.signal(number, self._stop)

    def forks(self) -> bool:
        # A signal that came in between would be the parent's to the child, or find the child not yet known.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        self.place = next(place for place in count() if place not in self._workers.values())
        child = os.fork()
        if child:
            self._workers[child] = self.place
        else:
            # A terminal sends it to all; that the workers are to end, they are told by their parent.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        if child and self._stopping:
            os.kill(child, signal.SIGTERM)
        return child == 0

    def all_run(self) -> bool:
        """Whether no worker has ended yet."""
        return not self._stopping and os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def replaces_the_dead(self) -> bool:
        """Returns False when all workers have ended, because they were told to or could not go on."""
        while self._workers:
            child, status = os.wait()
            place = self._workers.pop(child)
            code = os.waitstatus_to_exitcode(status)
            if self._stopping:
                continue
            if code > 0:
                self._exit_code = code
                self._stop(signal.SIGTERM, None)
                continue
            log.warning("Worker %d ended (%d); another one takes its place.", child, code)
            self._care.replaced(place)
            time.sleep(_SECONDS_BETWEEN)
            if not self._stopping and self.forks():
                return True
        if self._exit_code:
            raise SystemExit(self._exit_code)
        return False

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        number = signal.SIGKILL if self._stopping else signal.SIGTERM
        if not self._stopping:
            self._stopping = True
            self._care.stopped()
            signal.signal(signal.SIGALRM, self._stop)
            signal.setitimer(signal.ITIMER_REAL, self._care.stop_within_s)
        for worker in self._workers:
            os.kill(worker, number)
