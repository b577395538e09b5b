"""QMSum: meetings with people's questions and the turns that answer them. A question is ranked within its meeting."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from indexer.columns import KINDS
from indexer.types import Kind
from service.archive import Archive
from service.evaluate import DEPTH, Judged, Question
from service.filters import Filters
from service.search import Search, search_many
from tests.benchmarks.plain import judge_plain, judged, units_of

_WORD = re.compile(r"\w+")
_MARK = re.compile(r"\{\w+\}")


@dataclass(frozen=True, slots=True)
class Meeting:
    """`turns`: (speaker, text). `questions`: the text, and the spans of turns, both ends included, that answer it."""

    source: str
    turns: tuple[tuple[str, str], ...]
    questions: tuple[tuple[str, tuple[tuple[int, int], ...]], ...]


def read_meetings(path: Path) -> list[Meeting]:
    """The meetings of a file that have questions."""
    lines = _lines(path)
    meetings = [_meeting(f"meeting-{number:03}.json", json.loads(line)) for number, line in enumerate(lines)]
    return [meeting for meeting in meetings if meeting.questions]


def write_transcripts(meetings: Sequence[Meeting], folder: Path) -> Path:
    """One Podcasting 2.0 file a meeting, a segment for each turn. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for meeting in meetings:
        segments = [{"speaker": speaker, "body": text} for speaker, text in meeting.turns]
        content = json.dumps({"version": "1.0.0", "segments": segments}, ensure_ascii=False)
        (folder / meeting.source).write_text(content, encoding="utf-8")
    return folder


def judge_meetings(meetings: Sequence[Meeting], archive: Archive) -> Mapping[str, list[Judged]]:
    """Plain rankings and ours, for every question of every meeting."""
    units = units_of(archive)
    content = archive.columns.kind == KINDS.index(Kind.CONTENT)
    questions, allowed, right = [], [], []
    numbers = {row.source: row.number for row in archive.catalog.episodes}
    for meeting in meetings:
        episode = numbers[meeting.source]
        turns = _turns_of_passages(meeting, episode, archive)
        for query, spans in meeting.questions:
            questions.append(Question(query, meeting.source, (), "M"))
            allowed.append(content & (archive.columns.episode == episode))
            right.append({number for number, said in turns.items() if _meet(said, spans)})
    vectors = archive.embedder.embed_queries([question.query for question in questions])
    found = dict(judge_plain(questions, vectors, allowed, right, units))
    asked = [Search(q.query, limit=DEPTH, filters=Filters(episode=q.episode)) for q in questions]
    orders = [[hit.stored.number for hit in hits.hits] for hits in search_many(asked, archive)]
    found["ours"] = [judged(*entry, units) for entry in zip(questions, orders, right, strict=True)]
    return found


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def _meeting(source: str, content: dict[str, Any]) -> Meeting:
    said = [(turn["speaker"], _MARK.sub(" ", turn["content"])) for turn in content["meeting_transcripts"]]
    asked = [
        (entry["query"], tuple((int(first), int(last)) for first, last in entry["relevant_text_span"]))
        for entry in content["specific_query_list"]
    ]
    return Meeting(source, tuple((speaker, " ".join(text.split())) for speaker, text in said), tuple(asked))


def _turns_of_passages(meeting: Meeting, episode: int, archive: Archive) -> dict[int, set[int]]:
    """Passage number to the turns of the file whose words it holds, found by where the words stand.

    Our turns are not the file's: one speaker's consecutive turns are one.
    """
    text = archive.catalog.text(episode)
    words = list(_WORD.finditer(text))
    counts = [len(_WORD.findall(said)) for _, said in meeting.turns]
    if [word for _, said in meeting.turns for word in _WORD.findall(said)] != [word.group() for word in words]:
        raise AssertionError(f"{meeting.source}: the words of the episode are not those of the file")
    starts = [word.start() for word in words]
    ends = list(accumulate(counts))

    def turns(start: int, end: int) -> Iterator[int]:
        for word in range(np.searchsorted(starts, start), np.searchsorted(starts, end)):
            yield bisect_right(ends, word)

    passages = archive.catalog.passages_of(episode)
    return {p.number: set(turns(p.passage.char_start, p.passage.char_end)) for p in passages}


def _meet(turns: set[int], spans: Sequence[tuple[int, int]]) -> bool:
    return any(first <= turn <= last for turn in turns for first, last in spans)
