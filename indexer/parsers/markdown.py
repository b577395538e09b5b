r"""Markdown: `**Name:** text`, further paragraphs without a label, `## Section`, and YAML front matter.

---
title: A title
date: 2024-05-14
---
## Opening

**Lena Ortiz:** Good morning. \[00:12\] A stamp in mid-sentence is a time, not a word.
"""

from __future__ import annotations

import re

from indexer.clock import CLOCK, seconds
from indexer.labels import is_label
from indexer.markup import plain
from indexer.metadata import apply, split_front_matter
from indexer.types import Dropped, TimeMark, Transcript, Utterance

_LABEL = re.compile(r"^\*\*(?P<name>[^*\n]{1,60}?):?\*\*:?[ \t]*")
_HEADING = re.compile(r"^#{1,6}[ \t]+(?P<text>.{1,300}?)[ \t#]*$")
_RULE = re.compile(r"^(?:[-*_][ \t]*){3,}$")
_STAMP = re.compile(rf"\\?\[({CLOCK})\\?\]")


def recognises(text: str) -> bool:
    body = split_front_matter(text)[1].strip()
    return _label(body.split("\n", 1)[0]) is not None or sum(_label(line) is not None for line in body.split("\n")) >= 2


def parse(text: str) -> Transcript:
    metadata, body, first_line = split_front_matter(text)
    lines = body.split("\n")
    title: str | None = None
    section: str | None = None
    label: str | None = None
    utterances: list[Utterance] = []
    dropped: list[Dropped] = []
    for number, raw in enumerate(lines, first_line):
        line = raw.strip()
        if not line:
            continue
        if heading := _HEADING.match(line):
            words = plain(heading["text"])
            if line.startswith("# ") and not utterances and title is None:
                title = words
            else:
                section = words
            continue
        if _RULE.match(line):
            dropped.append(Dropped("rule", number, line))
            continue
        if match := _label(line):
            label, line = match["name"].strip(), line[match.end() :]
        words, marks = _strip_stamps(line)
        if label is None:
            dropped.append(Dropped("text before the first speaker", number, words))
        elif words:
            utterances.append(Utterance(label, words, number, marks=marks, section=section))
    return apply(metadata, Transcript(utterances=tuple(utterances), title=title, dropped=tuple(dropped)), first=True)


def _label(line: str) -> re.Match[str] | None:
    match = _LABEL.match(line)
    if match is None or ":" not in match.group() or not is_label(match["name"].strip()):
        return None
    return match


def _strip_stamps(line: str) -> tuple[str, tuple[TimeMark, ...]]:
    """The words of a line, and its stamps as marks at the places where they stood."""
    pieces = _STAMP.split(line)
    text = plain(pieces[0])
    marks: list[TimeMark] = []
    for stamp, words in zip(pieces[1::2], pieces[2::2], strict=True):
        following = plain(words)
        text = f"{text} {following}" if text and following and following[0] not in ".,;:!?" else text + following
        marks.append(TimeMark(len(text) - len(following), seconds(stamp)))
    return text, tuple(marks)
