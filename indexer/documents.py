r"""Paragraphs of a laid-out document (Word, PDF) to a transcript.

The document is written down as text, and read as the formats that read text read it. Where it has headings or begins
paragraphs in bold, which is how many name who speaks, that text is Markdown: nothing that a layout says is lost.

    heading, level 1   Deep Tide              # Deep Tide
    paragraph          [Lena Ortiz:] Go on.   **Lena Ortiz:** Go on.
    paragraph          [Ortiz, Lena]  0:03    **Ortiz, Lena:** 0:03
    paragraph          5 * 3 is <15>          5 \* 3 is \<15>
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from indexer.clock import CLOCK
from indexer.errors import TranscriptError
from indexer.labelled import read, style_of
from indexer.labels import is_label
from indexer.markup import plain
from indexer.types import Transcript

_MARKUP = re.compile(r"[\\`*_<]|\{(?=\{)|\[(?=\^)|\](?=[(\[:])|^\s{0,20}[#>+~-]")
_ENTITY = re.compile(r"&(?=#?\w{1,31};)")
_LABEL = re.compile(r"[^:\n]{1,60}:(?=\s|$)")
_TIMED = re.compile(
    rf"\s{{0,9}}(?P<name>[^\s:][^:\n]{{0,59}}?)\s{{1,9}}(?P<time>[\[(]?{CLOCK}[\])]?)(?::?\s{{0,9}}$|:?(?=\s))"
)
_LONGEST_BOLD = 120
_LONGEST_HEADING = 12
_ONLY_THE_KIND = re.compile(r"\W*(?:(?:full|interview|audio|video|episode) )?transcri(?:pt|ption)\W*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of a document. `text` may hold newlines; its first `bold` code points are bold.

    `place` is what a report gives as the line. `heading` is a heading's level, 1 the highest; 0 is none.
    """

    text: str
    place: int
    bold: int = 0
    heading: int = 0


def read_paragraphs(paragraphs: Sequence[Paragraph]) -> Transcript:
    """What is said in a document.

    Raises:
        TranscriptError: no format that reads text can read its lines.
    """
    if any(p.heading or p.bold for p in paragraphs):
        markdown, places = _lines(_highest_first(_speakers_as_names(paragraphs)), _markdown)
        if style_of(markdown):
            said = read(markdown)
            dropped = tuple(replace(entry, text=plain(entry.text)) for entry in said.dropped)
            return _put_back(replace(said, dropped=dropped), places)
    text, places = _lines(paragraphs, _plain)
    return _put_back(_read_text(text, places), places)


def title_of(paragraphs: Iterable[Paragraph]) -> Paragraph | None:
    """The document's title: a heading before everything else that has no equal."""
    told = [p for p in paragraphs if p.text.strip()]
    levels = [p.heading for p in told if p.heading]
    if not told or not told[0].heading or _ONLY_THE_KIND.fullmatch(told[0].text):
        return None
    return told[0] if told[0].heading == min(levels) and levels.count(told[0].heading) == 1 else None


def is_heading(words: str) -> bool:
    """Whether words that stand apart are a heading: short, and no sentence."""
    return 0 < len(words.split()) <= _LONGEST_HEADING and words[-1] not in ".?!…,;:"


def _lines(paragraphs: Sequence[Paragraph], write: Callable[[Paragraph], str]) -> tuple[str, list[int]]:
    """A text, and the place of each of its lines."""
    lines: list[str] = []
    places: list[int] = []
    for paragraph in paragraphs:
        written = write(paragraph).split("\n")
        lines += written
        places += [paragraph.place] * len(written)
    return "\n".join(lines), places


def _plain(paragraph: Paragraph) -> str:
    return paragraph.text


def _markdown(paragraph: Paragraph) -> str:
    """A paragraph as Markdown, a blank line below each of its lines."""
    if paragraph.heading:
        return f"{'#' * min(paragraph.heading, 6)} {_escaped(paragraph.text)}\n"
    first, *others = paragraph.text.split("\n")
    written = _named(first, min(paragraph.bold, len(first)))
    return "\n\n".join((written, *map(_escaped, others))) + "\n"


def _named(line: str, bold: int) -> str:
    """A line that begins in bold, as far as that may be a name. Beside a time at the line's end it is one."""
    timed = _TIMED.match(line)
    if timed and bold >= timed.end("name") and (timed.end() == len(line) or is_label(timed["name"])):
        return f"**{_escaped(timed['name'])}:** {_escaped(line[timed.start('time') :])}"
    label = _LABEL.match(line, 0, bold)
    beginning = label.group() if label else line[:bold]
    rest = line[len(beginning) :]
    ends_within_word = not beginning[-1:].isspace() and rest[:1].isalnum()
    if not beginning.strip() or len(beginning) > _LONGEST_BOLD or ends_within_word:
        return _escaped(line)
    gap = " " if beginning[-1].isspace() else ""
    return f"**{_escaped(beginning.strip())}**{gap}{_escaped(rest)}"


def _escaped(line: str) -> str:
    """A line whose signs are no markup; lines without a letter may be."""
    if not any(sign.isalnum() for sign in line):
        return line
    line = _ENTITY.sub("&amp;", line)
    return _MARKUP.sub(lambda match: f"{match.group()[:-1]}\\{match.group()[-1]}", line)


def _speakers_as_names(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    """Headings of a level on which names come again and again name speakers: no section has another's name."""
    headings = Counter((p.heading, p.text) for p in paragraphs if p.heading and is_label(p.text.removesuffix(":")))
    levels = {level for (level, _), count in headings.items() if count > 1}
    return [
        replace(p, heading=0, bold=len(p.text)) if p.heading in levels and (p.heading, p.text) in headings else p
        for p in paragraphs
    ]


def _highest_first(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    """The paragraphs with the highest of their headings on level 1."""
    above = min((p.heading for p in paragraphs if p.heading), default=1) - 1
    return [replace(p, heading=p.heading - above) if p.heading else p for p in paragraphs]


def _read_text(text: str, places: Sequence[int]) -> Transcript:
    from indexer.parsers import parse_text  # noqa: PLC0415  the table of formats holds the callers of this module

    try:
        return parse_text(text)
    except TranscriptError as error:
        line = places[error.line - 1] if error.line else None
        raise TranscriptError(error.reason, line=line, remedy=error.remedy) from error


def _put_back(transcript: Transcript, places: Sequence[int]) -> Transcript:
    return replace(
        transcript,
        utterances=tuple(replace(said, line=places[said.line - 1]) for said in transcript.utterances),
        dropped=tuple(replace(dropped, line=places[dropped.line - 1]) for dropped in transcript.dropped),
    )
