"""Podcasting 2.0 transcripts as HTML: who, when, and what, in that order.

    <cite>Lena Ortiz:</cite>            <p>0:12</p>                          <cite>Lena Ortiz:</cite>
    <time>0:12</time>                   <p>What made you change…</p>         <p>What made you change your mind?</p>
    <p>What made you change…</p>

A stretch without a <cite> goes on in the last voice; before the first there is nobody named. All other text is speech,
but for the furniture of a page and what stands above the first speaker or time. Headings are sections. A page with
`\\[laughs\\]` or `\\[12:31\\]` in it holds Markdown that nobody rendered, and is read as such.
"""

from __future__ import annotations

import re
from itertools import islice

from indexer.clock import CLOCK, seconds
from indexer.cues import ends_sentence, timed_text
from indexer.fields import one_line
from indexer.heads import read_head
from indexer.labels import is_label
from indexer.lines import spoken
from indexer.trees import Node
from indexer.types import Dropped, TimeMark, Transcript, Utterance
from indexer.webpage import BLOCKS, HEADINGS, NO_TEXT, Page, is_page, read_page

_CLOCK = re.compile(CLOCK)
_SPOKEN = frozenset("p li dd td blockquote".split())
_CITE = re.compile(r"</cite>\s{0,99}<(?:time|p)\b|<cite[^<>]{0,200}>[^<>]{1,80}:\s{0,9}</cite>", re.IGNORECASE)
_TIME = re.compile(rf"<(time|p)\b[^<>]{{0,200}}>\s{{0,9}}{CLOCK}\s{{0,9}}</\1>\s{{0,99}}<p\b", re.IGNORECASE)
_BOLD_NAME = re.compile(r"<(b|strong)\b[^<>]{0,200}>[^<>:]{1,60}(?::\s{0,9}</\1>|</\1>:)", re.IGNORECASE)
_ESCAPED_NOTE = re.compile(r"\\\[(?:\d{1,3}:\d{2}[\d:.]{0,10}|[a-z][a-z ]{3,40}(?: [\d:.]{4,12})?)\\\]")
_BLANK_LINE = re.compile(r"\n[^\S\n]{0,99}\n")
_NAME_AND_TIME = re.compile(rf"(?P<name>\S.{{0,59}}?)\s{{1,9}}(?P<time>{CLOCK})")


def recognises(text: str) -> bool:
    if "</" not in text or not is_page(text):
        return False
    return _twice(_CITE, text) or (_twice(_TIME, text) and not _twice(_BOLD_NAME, text))


def parse(text: str) -> Transcript:
    page = read_page(text)
    reader = _Reader(page)
    reader.read(page.body)
    reader.close()
    return page.complete(Transcript(utterances=tuple(reader.said), dropped=tuple(reader.dropped)))


def _twice(shape: re.Pattern[str], text: str) -> bool:
    return len(list(islice(shape.finditer(text), 2))) == 2


class _Reader:
    """Goes through a page once. `_pieces` are the words read since the last <cite>, time or end of a block."""

    def __init__(self, page: Page) -> None:
        self.said: list[Utterance] = []
        self.dropped: list[Dropped] = []
        self._page = page
        self._markdown = _ESCAPED_NOTE.search(page.body.text) is not None
        self._label: str | None = None
        self._section: str | None = None
        self._waiting_s: float | None = None
        self._begun = False
        self._pieces: list[tuple[float | None, str]] = []
        self._silent = True
        self._line = 1

    def read(self, node: Node) -> None:
        for part in node.content:
            if isinstance(part, str):
                self._write(None, part, node.line)
            elif id(part) in self._page.is_furniture:
                self._drop("page furniture", part)
            elif part.name in HEADINGS:
                self.close()
                self._head(part)
            elif part.name == "cite" and self._names_speaker(part, node):
                self.close()
                self._label = part.words.rstrip(": ") or None
                self._begun = True
            elif part.name == "time" and _CLOCK.fullmatch(part.words):
                self._write(seconds(part.words), "", part.line)
            elif part.name in BLOCKS:
                self.close()
                self.read(part)
                self.close()
            else:
                self.read(part)

    def close(self) -> None:
        """Ends a stretch of words: they are speech, a time, or a name with a time."""
        written = "".join(text for _, text in self._pieces)
        words, marks = timed_text([(self._waiting_s, ""), *self._pieces])
        times = [time_s for time_s, _ in self._pieces if time_s is not None]
        self._pieces, self._silent = [], True
        named = _NAME_AND_TIME.fullmatch(words)
        if not words:
            self._open(times[-1:])
        elif _CLOCK.fullmatch(words):
            self._open([seconds(words)])
        elif named and is_label(named["name"].rstrip(":")):
            self._label = named["name"].rstrip(":")
            self._open([seconds(named["time"])])
        elif not self._begun:
            self.dropped.append(Dropped("text before the first speaker", self._line, words))
        elif self._markdown and all(mark.char == 0 for mark in marks):
            for paragraph in filter(None, map(one_line, _BLANK_LINE.split(written))):
                self._say_markdown(paragraph, marks)
                marks = ()
        else:
            self._say(words, marks)

    def _say_markdown(self, written: str, before: tuple[TimeMark, ...]) -> None:
        head = read_head(written)
        if head and head.marked and not spoken(head.words, markdown=True)[0]:
            self.dropped.append(Dropped("label without words", self._line, written))
            return
        words, marks = spoken(written, markdown=True)
        if words:
            self._say(words, (*before, *marks))
        else:
            self._open([mark.seconds for mark in marks])

    def _say(self, words: str, marks: tuple[TimeMark, ...]) -> None:
        before = self.said[-1] if self.said else None
        goes_on = before is not None and before.label == self._label and not ends_sentence(before.text)
        self.said.append(
            Utterance(self._label, words, self._line, marks, section=self._section, starts_paragraph=not goes_on)
        )
        self._waiting_s = None

    def _open(self, times: list[float]) -> None:
        """Lets the words that follow be spoken from the time on, if there is one."""
        if times:
            self._waiting_s = times[0]
            self._begun = True

    def _write(self, time_s: float | None, text: str, line: int) -> None:
        if self._silent:
            self._line = line
        self._silent = self._silent and not text.strip()
        self._pieces.append((time_s, text))
        self._begun = self._begun or time_s is not None

    def _names_speaker(self, cite: Node, around: Node) -> bool:
        """False for the <cite> of a book that somebody speaks of."""
        return self._silent and (around.name not in _SPOKEN or cite.words.endswith(":"))

    def _head(self, heading: Node) -> None:
        if self._begun or self.said:
            self._section = heading.words or self._section
        else:
            self._drop("text before the first speaker", heading)

    def _drop(self, reason: str, node: Node) -> None:
        if node.name not in NO_TEXT and node.words:
            self.dropped.append(Dropped(reason, node.line, node.words))
