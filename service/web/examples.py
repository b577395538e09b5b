"""Questions to begin with: some that hosts of this archive really asked."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import numpy as np

from indexer.sentences import sentence_spans
from service.archive import Archive

# Episodes that are read for them: a whole one costs no more than a few questions of many.
_EPISODES = 160
# A question that stands alone: it opens as questions do, and points at nothing that was said before it.
_OPENS = re.compile(r"(?:How|Why|What|Who|When|Where|Which|Is|Are|Does|Do|Can|Should|Will)\b(?! about)")
_POINTS = re.compile(
    r"\b(?:he|him|his|she|her|they|them|their|it|its|this|that|these|those|there|here|so|one|ones|then|next|now|else|"
    r"other|another|current|thing|things)\b|['’](?:s|re|ve)\b|[\[\d,;:–—…]",
    re.IGNORECASE,
)
# Less so, one that says whom it is put to, or takes something for known.
_LEANS = re.compile(r"\b(?:I|me|my|you|your|yours|we|us|our|the)\b", re.IGNORECASE)
_SHORTEST, _LONGEST = 28, 90
_FEWEST_WORDS = 6


class Examples:
    """A few example questions, the same ones as long as the same generation is served."""

    def __init__(self, count: int = 6) -> None:
        self._count = count
        self._made: tuple[str, tuple[str, ...]] = ("", ())

    def of(self, archive: Archive) -> tuple[str, ...]:
        generation, questions = self._made
        if generation != archive.generation.manifest.id:
            generation, questions = archive.generation.manifest.id, _picked(archive, self._count)
            self._made = (generation, questions)
        return questions


def _picked(archive: Archive, count: int) -> tuple[str, ...]:
    """Of different episodes where there are as many; those that lean on nothing first."""
    columns = archive.columns
    chance = random.Random(archive.generation.manifest.id)  # noqa: S311  any few of them will do  # nosec B311
    rows = archive.catalog.episodes
    best: dict[str, int] = {}
    rest: list[str] = []
    for row in chance.sample(rows, min(_EPISODES, len(rows))):
        asked = np.unique(columns.question[columns.passages_of(row.number, 1)])
        texts = archive.catalog.questions(asked[asked >= 0].tolist())
        found = sorted((question for _, text in texts for question in _standing_alone(text)), key=_leaning)
        best |= {question: _leaning(question) for question in found[:1]}
        rest += found[1:]
        if list(best.values()).count(0) == count:
            break
    chosen = [*sorted(best, key=lambda question: best[question]), *sorted(rest, key=_leaning)]
    return tuple(list(dict.fromkeys(chosen))[:count])


def _leaning(question: str) -> int:
    return len(_LEANS.findall(question))


def _standing_alone(text: str) -> Iterator[str]:
    for start, end in sentence_spans(text):
        sentence = text[start:end].strip()
        fits = _SHORTEST <= len(sentence) <= _LONGEST and len(sentence.split()) >= _FEWEST_WORDS
        if fits and sentence.endswith("?") and _OPENS.match(sentence) and not _POINTS.search(sentence):
            yield sentence
