"""Who says what by the labels of the file itself (`**Name:** …`, `**Name**: …`), read without any of our parsers."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

from indexer.catalog import Voice
from service.search import Hit

_LABEL = re.compile(r"^\*\*([^*\n]{1,80}?)(?::\*\*|\*\*:)", re.MULTILINE)
_WORD = re.compile(r"\w+")
_RUN = 4


class Labels:
    """The runs of four words that stand under each label of a file."""

    def __init__(self, path: Path) -> None:
        parts = _LABEL.split(path.read_text(encoding="utf-8"))
        self._runs: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for label, text in zip(parts[1::2], parts[2::2], strict=True):
            self._runs[label] |= _runs(text)

    def said_by(self, text: str) -> str | None:
        """The label under which most of a text stands; None when no run of it stands anywhere."""
        runs = _runs(text)
        shares = {label: len(runs & theirs) for label, theirs in self._runs.items()}
        best = max(shares, key=lambda label: shares[label], default=None)
        return best if best is not None and shares[best] else None


def is_label_of(label: str, voice: Voice) -> bool:
    """Whether a label is a voice's name or one of its other spellings."""
    return label.strip().casefold() in {name.casefold() for name in (voice.name or "", *voice.aliases)}


def shares_words(hits: tuple[Hit, ...]) -> bool:
    """Whether two of the hits share more than half of the words of both."""
    bags = [Counter(_WORD.findall(hit.stored.passage.text.casefold())) for hit in hits]
    return any(
        (one & other).total() * 2 > max(one.total(), other.total())
        for i, one in enumerate(bags)
        for other in bags[i + 1 :]
    )


def _runs(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return {tuple(words[i : i + _RUN]) for i in range(len(words) - _RUN + 1)}
