"""Runs of eight words as numbers: the same words give the same number, on every machine."""

from __future__ import annotations

import re
import zlib

import numpy as np
from numpy.typing import NDArray

SHINGLE_WORDS = 8
WORD = re.compile(r"[\w'’]+")
_BASE = np.uint64(0x9E3779B97F4A7C15)


def words_of(text: str) -> list[str]:
    """The words of a text, in small letters, punctuation left out."""
    return WORD.findall(text.casefold())


def shingles(words: list[str]) -> NDArray[np.uint64]:
    """A number for each run of eight words, by where it begins; shape (max(0, words - 7),)."""
    numbers = {word: zlib.crc32(word.encode()) for word in set(words)}
    values = np.fromiter(map(numbers.__getitem__, words), dtype=np.uint64, count=len(words))
    count = max(0, len(words) - SHINGLE_WORDS + 1)
    total = np.zeros(count, dtype=np.uint64)
    for i in range(SHINGLE_WORDS):
        total = total * _BASE + values[i : i + count]
    # The last step mixes the low bits, which comparing the smallest values would else depend on.
    return total ^ (total >> np.uint64(29))
