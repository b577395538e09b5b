"""Timestamps: every clock that transcripts are known to carry, to seconds, and back.

>>> seconds("00:00:01.000"), seconds("1:02,5"), seconds("75:03"), seconds("0:0:3.490"), seconds("12.5")
(1.0, 62.5, 4503.0, 3.49, 12.5)
"""

from __future__ import annotations

import re

CLOCK = r"(?:\d{1,3}:)?\d{1,3}:\d{1,2}(?:[.,]\d{1,6})?"
_PARTS = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6})(?:[.,](\d{1,6}))?")
_WITH_UNIT = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(h|m|s|ms)")
_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def seconds(stamp: str) -> float:
    """The time that a stamp says, in seconds.

    Raises:
        ValueError: it is no timestamp.
    """
    match = _PARTS.fullmatch(stamp.strip())
    if match is None:
        raise ValueError(f"{stamp!r} is no timestamp")
    hours, minutes, whole, fraction = match.groups()
    total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(whole)
    return total + (int(fraction) / 10 ** len(fraction) if fraction else 0.0)


def media_seconds(stamp: str) -> float:
    """The time that a stamp of XML captions says, which may carry its unit.

    >>> media_seconds("12.5s"), media_seconds("1500ms"), media_seconds("2m"), media_seconds("1:02.5")
    (12.5, 1.5, 120.0, 62.5)

    Raises:
        ValueError: it is no timestamp.
    """
    match = _WITH_UNIT.fullmatch(stamp.strip())
    return round(float(match[1]) * _UNIT_S[match[2]], 6) if match else seconds(stamp)


def clock(time_s: float) -> str:
    """Seconds as H:MM:SS, or M:SS below an hour.

    >>> clock(75.9), clock(3675)
    ('1:15', '1:01:15')
    """
    minutes, second = divmod(int(time_s), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
