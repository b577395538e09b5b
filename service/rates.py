"""How often each key asks, counted by all processes of the service together.

The generic cell rate algorithm (ATM Forum, Traffic Management 4.0, 1996): of each key one number is kept, the time at
which its next request would be on time if all came evenly. So a limit is exact, and needs no window that begins anew.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import time

PLACES = 65_536
_TIME = struct.Struct("d")


class Rates:
    """The times, in memory that is shared with every process that is forked after it was made.

    Useful for processes of one machine. Several machines behind one address each count for themselves.
    """

    def __init__(self) -> None:
        # The kernel drops a lock with the process that held it, so that one killed in between holds up nobody.
        self._file = os.memfd_create("onrecord-rates")
        os.ftruncate(self._file, PLACES * _TIME.size)
        self._times = mmap.mmap(self._file, PLACES * _TIME.size)

    def wait_s(self, place: int, per_minute: int) -> float:
        """Counts a request. Zero where it is within the limit; else in how many seconds one is, and it does not count.

        Args:
            place: whose request it is, from 0 to `PLACES` - 1.
        """
        between = 60 / per_minute
        start = place * _TIME.size
        fcntl.lockf(self._file, fcntl.LOCK_EX, _TIME.size, start)
        try:
            now = time.monotonic()
            [stored] = _TIME.unpack_from(self._times, start)
            due = max(float(stored), now)
            wait = due - now - between * (at_once(per_minute) - 1)
            if wait > 0:
                return wait
            _TIME.pack_into(self._times, start, due + between)
            return 0.0
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, _TIME.size, start)


def at_once(per_minute: int) -> int:
    """How many requests may come together after a pause: a quarter of a minute's, and ten where that is less.

    >>> at_once(600), at_once(20), at_once(3)
    (150, 10, 3)
    """
    return min(per_minute, max(10, per_minute // 4))
