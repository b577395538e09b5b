"""Questions written for passages of the data, kept without a word of these: each names the sentence that answers it by
a digest.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from indexer.sentences import sentence_spans
from indexer.store import Catalog
from service.evaluate import Question
from tests.benchmarks.meetings import Meeting

WRITTEN = Path(__file__).with_name("written_questions.tsv")
_LEAST_WORDS = 8
_DIGITS = 12


def written_questions(folder: str, catalog: Catalog, path: Path = WRITTEN) -> list[Question]:
    """Those of a folder of the data whose answer stands in the transcripts as they are now.

    Args:
        path: tab-separated, a question a line: folder, source, digest of its anchor, kind, question.
    """
    asked: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for where, source, digest, kind, query in csv.reader(file, "excel-tab", quoting=csv.QUOTE_NONE):
            if where == folder:
                asked[source].append((digest, kind, query))
    questions = []
    for row in catalog.episodes:
        anchors = {digest_of(anchor): anchor for anchor in _anchors(row.number, catalog)} if row.source in asked else {}
        questions += [
            Question(query, row.source, (anchors[digest],), kind)
            for digest, kind, query in asked[row.source]
            if digest in anchors
        ]
    return questions


def questions_of_meetings(meetings: Sequence[Meeting]) -> list[Question]:
    """People's own questions, with the sentences of the turns that answer them."""
    questions = []
    for meeting in meetings:
        for query, spans in meeting.questions:
            turns = [meeting.turns[turn][1] for first, last in spans for turn in range(first, last + 1)]
            anchors = [turn[start:end] for turn in turns for start, end in sentence_spans(turn)]
            telling = tuple(anchor for anchor in anchors if len(anchor.split()) >= _LEAST_WORDS)
            if telling:
                questions.append(Question(query, meeting.source, telling, "M"))
    return questions


def anchor_of(sentences: Sequence[str], place: int) -> str:
    """A sentence of a passage, with as many of those after and then before it as make it long enough to be told."""
    first, last = place, place + 1
    while len((anchor := " ".join(" ".join(sentences[first:last]).split())).split()) < _LEAST_WORDS:
        if last < len(sentences):
            last += 1
        elif first:
            first -= 1
        else:
            break
    return anchor


def digest_of(anchor: str) -> str:
    return hashlib.sha256(anchor.encode()).hexdigest()[:_DIGITS]


def _anchors(episode: int, catalog: Catalog) -> Iterator[str]:
    for stored in catalog.passages_of(episode):
        passage = stored.passage
        sentences = [
            passage.text[start - passage.char_start : end - passage.char_start] for start, end in passage.sentences
        ]
        for place in range(len(sentences)):
            yield anchor_of(sentences, place)
