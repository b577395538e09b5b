"""How good the ranking is, by questions whose answers are known.

A hit is right when its text, whitespace collapsed, contains one of the question's anchors and it comes from the
question's episode. R@k: a right hit is among the first k. MRR@10: the mean of 1/rank of the first right hit, 0
below rank 10. R@1000 tok: a right hit is met within the first 1,000 tokens read down the ranking, counted by
the embedding model's tokenizer; fair across passage sizes.

Two settings are compared question by question. The interval of a difference is that of a percentile bootstrap over the
questions (Efron, 1979); it says how far other questions of the same sort could move it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from indexer.errors import QuestionFileError
from service.archive import Archive
from service.ranking import Mode
from service.search import Hit, Search, search_many

DEPTH = 50
TOKEN_BUDGET = 1000
RESAMPLES = 10_000
_SEED = 20_000
_BATCH = 16
_TOP = 3
_START_CHARS = 120


@dataclass(frozen=True, slots=True)
class Question:
    """One line of a question file. `episode`: the source's file name; None is any. `split`: None when it has none."""

    query: str
    episode: str | None
    anchors: tuple[str, ...]
    kind: str
    split: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A hit as somebody who asks why needs it. `episode`: its source; `start`: how the text begins."""

    episode: str
    speaker: str | None
    start: str
    score: float
    signals: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Judged:
    """`rank`: of the first right hit, None when there is none; `tokens`: those read when its end is reached.

    `top`: the first hits, right or not. `right`: the first right hit.
    """

    question: Question
    rank: int | None
    tokens: int | None
    top: tuple[Shown, ...] = ()
    right: Shown | None = None


@dataclass(frozen=True, slots=True)
class Metrics:
    """Shares between 0 and 1 over `questions` questions."""

    questions: int
    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    mrr_at_10: float
    recall_at_1000_tokens: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric of one setting less that of another, over the same questions, and its 95 % interval.

    `won`, `lost`, `tied`: for how many questions the first setting does better, worse, the same.
    """

    difference: float
    low: float
    high: float
    won: int
    lost: int
    tied: int


def _found(entry: Judged, limit: int) -> float:
    return float(entry.rank is not None and entry.rank <= limit)


def _reciprocal(entry: Judged, limit: int) -> float:
    return 1 / entry.rank if entry.rank is not None and entry.rank <= limit else 0.0


# What one question adds to each metric; the metric is the mean.
_PER_QUESTION: Mapping[str, Callable[[Judged], float]] = {
    "recall_at_1": lambda entry: _found(entry, 1),
    "recall_at_5": lambda entry: _found(entry, 5),
    "recall_at_10": lambda entry: _found(entry, 10),
    "mrr_at_10": lambda entry: _reciprocal(entry, 10),
    "recall_at_1000_tokens": lambda entry: float(entry.tokens is not None and entry.tokens <= TOKEN_BUDGET),
}
COMPARED = ("recall_at_1", "recall_at_10", "mrr_at_10", "recall_at_1000_tokens")


def read_questions(path: Path) -> list[Question]:
    """The questions of a file, one JSON object a line.

    Raises:
        QuestionFileError: the file or a line is not as it should be, naming the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionFileError(f"{path}: cannot be read ({error}).") from error
    questions = [_question(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not questions:
        raise QuestionFileError(f"{path}: no questions in it.")
    return questions


def of_splits(questions: Sequence[Question], splits: Sequence[str]) -> list[Question]:
    """The questions of some splits; of all when none is given.

    Raises:
        QuestionFileError: a split has no question.
    """
    known = {question.split for question in questions if question.split}
    for split in splits:
        if split not in known:
            raise QuestionFileError(
                f"no question is of split {split!r}; there are {', '.join(sorted(known)) or 'none'}."
            )
    return [question for question in questions if not splits or question.split in splits]


def is_asked_of(episode: str | None, source: str) -> bool:
    """Whether a question of some episode, or of any, is one of the episode with this source."""
    return episode is None or episode in (source, source.rsplit("/", 1)[-1])


def is_answered_by(question: Question, text: str) -> bool:
    """Whether a text holds one of the question's anchors, whitespace collapsed."""
    collapsed = " ".join(text.split())
    return any(anchor in collapsed for anchor in question.anchors)


def judge(questions: Sequence[Question], archive: Archive, mode: Mode) -> list[Judged]:
    """Where the answer of each question stands in the ranking."""
    judged = []
    for start in range(0, len(questions), _BATCH):
        batch = questions[start : start + _BATCH]
        found = search_many([Search(q.query, limit=DEPTH, mode=mode) for q in batch], archive)
        judged += [_judge(q, hits.hits, archive) for q, hits in zip(batch, found, strict=True)]
    return judged


def measure(judged: Sequence[Judged]) -> Metrics:
    """The metrics over some questions."""
    count = len(judged)
    return Metrics(count, **{name: sum(map(of, judged)) / max(count, 1) for name, of in _PER_QUESTION.items()})


def measure_by_kind(judged: Sequence[Judged]) -> dict[str, Metrics]:
    """The metrics per kind of question, in the order of the kinds' names, and `all` last."""
    kinds = sorted({entry.question.kind for entry in judged})
    tables = {kind: measure([entry for entry in judged if entry.question.kind == kind]) for kind in kinds}
    return {**tables, "all": measure(judged)}


def compare(judged: Sequence[Judged], others: Sequence[Judged]) -> dict[str, Difference]:
    """How much better one setting is than another on the same questions, for each metric of `COMPARED`.

    Raises:
        ValueError: the questions are not the same ones in the same order.
    """
    if [entry.question for entry in judged] != [entry.question for entry in others]:
        raise ValueError("two settings can be compared on the same questions only")
    pairs = list(zip(judged, others, strict=True))
    return {
        name: _difference([(of(a), of(b)) for a, b in pairs]) for name, of in _PER_QUESTION.items() if name in COMPARED
    }


def bootstrap_interval(values: Sequence[float], resamples: int = RESAMPLES) -> tuple[float, float]:
    """The 2.5 % and 97.5 % quantiles of the mean of as many values drawn with replacement; always the same ones.

    >>> bootstrap_interval([0.5, 0.5, 0.5])
    (0.5, 0.5)
    """
    if not values:
        return 0.0, 0.0
    # Drawing n values is drawing how often each distinct one comes: small, however many questions there are.
    distinct, counts = np.unique(np.array(values, dtype=np.float64), return_counts=True)
    drawn = np.random.default_rng(_SEED).multinomial(len(values), counts / len(values), size=resamples)
    low, high = np.quantile(drawn @ distinct / len(values), [0.025, 0.975])
    return float(low), float(high)


def dump(judged: Sequence[Judged], others: Sequence[Judged] | None = None) -> list[dict[str, Any]]:
    """One entry a question, the biggest losses first: against the other setting, or against rank 1 without one.

    A loss is one of reciprocal rank, whatever the rank, so that the head of the ranking counts most.
    """
    best = [1.0] * len(judged) if others is None else [_reciprocal(entry, DEPTH) for entry in others]
    gains = [_reciprocal(entry, DEPTH) - other for entry, other in zip(judged, best, strict=True)]
    rows = [_dumped(entry, None if others is None else others[i]) for i, entry in enumerate(judged)]
    return [rows[i] for i in sorted(range(len(rows)), key=lambda i: gains[i])]


def write_dump(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes one JSON object a line.

    Raises:
        QuestionFileError: the file cannot be written.
    """
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    try:
        path.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise QuestionFileError(f"{path}: cannot be written ({error.strerror}).") from error


def _difference(pairs: Sequence[tuple[float, float]]) -> Difference:
    gains = [ours - theirs for ours, theirs in pairs]
    low, high = bootstrap_interval(gains)
    won, lost = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    return Difference(sum(gains) / max(len(gains), 1), low, high, won, lost, len(gains) - won - lost)


def _dumped(entry: Judged, other: Judged | None) -> dict[str, Any]:
    return {
        "query": entry.question.query,
        "kind": entry.question.kind,
        "rank": entry.rank,
        **({} if other is None else {"other_rank": other.rank}),
        "tokens": entry.tokens,
        "top": [asdict(hit) for hit in entry.top],
        "right": entry.right and dict(entry.right.signals),
    }


def _judge(question: Question, hits: Sequence[Hit], archive: Archive) -> Judged:
    lengths = archive.embedder.count_tokens([hit.stored.passage.text for hit in hits])
    top = tuple(_shown(hit, archive) for hit in hits[:_TOP])
    read = 0
    for hit, length in zip(hits, lengths, strict=True):
        read += length
        if _is_right(hit, question, archive):
            return Judged(question, hit.rank, read, top, _shown(hit, archive))
    return Judged(question, None, None, top)


def _shown(hit: Hit, archive: Archive) -> Shown:
    passage = hit.stored.passage
    return Shown(
        episode=archive.catalog.episodes[hit.stored.episode].source,
        speaker=passage.speaker,
        start=" ".join(passage.text[:_START_CHARS].split()),
        score=hit.score,
        signals=dict(hit.signals),
    )


def _is_right(hit: Hit, question: Question, archive: Archive) -> bool:
    source = archive.catalog.episodes[hit.stored.episode].source
    return is_asked_of(question.episode, source) and is_answered_by(question, hit.stored.passage.text)


def _question(line: str, place: str) -> Question:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise QuestionFileError(f"{place}: no valid JSON ({error}). Write one object a line.") from error
    stated = content if isinstance(content, dict) else {}
    query, anchors = stated.get("query"), stated.get("anchors")
    if not isinstance(query, str) or not query.strip() or not _are_anchors(anchors):
        raise QuestionFileError(f'{place}: expected {{"query": "…", "anchors": ["…"]}}, with at least one anchor.')
    episode, kind, split = stated.get("episode"), stated.get("kind"), stated.get("split")
    return Question(
        query=query,
        episode=episode if isinstance(episode, str) else None,
        anchors=tuple(" ".join(anchor.split()) for anchor in anchors),
        kind=kind if isinstance(kind, str) else "-",
        split=split if isinstance(split, str) else None,
    )


def _are_anchors(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and bool(value) and all(isinstance(a, str) and a.strip() for a in value)
