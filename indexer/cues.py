"""Captions to utterances: what WebVTT and SubRip share.

A cue names its speaker with a voice tag (`<v Lena Ortiz>`) or, in files without voice tags, with `Lena Ortiz:` in front
of a line or with the name alone on the first line of every cue. A cue without a name goes on in the last voice; after
`>>`, the captioners' sign for another voice, nobody is named. Tags, positions and `>>` are no words; a time inside the
words (`<00:00:02.480>`) is a mark on the next word.

A voice such as `Lena Ortiz@tenant.example` is Lena Ortiz. One that is a mere id (Teams writes the GUID of somebody whom
it cannot name) becomes "Speaker 1", "Speaker 2" … in order of appearance: a number tells the people of one file apart
and promises nothing about the next.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count

from indexer.clock import seconds
from indexer.errors import TranscriptError
from indexer.fields import one_line
from indexer.labels import is_label
from indexer.markup import spaces, unescape
from indexer.types import Dropped, TimeMark, Utterance

_STAMP = r"\d{1,6}(?::\d{1,3}){0,2}(?:[.,]\d{1,6})?"
TIMING = re.compile(rf"\s*({_STAMP})\s*-->\s*({_STAMP})(?:\s.*)?")
_MEANT_AS_TIMING = re.compile(r"\d[:.,]\d[^\s>-]{0,20}\s{0,9}-->|-->\s{0,9}\d{1,9}[:.,]\d")
_CLOCK = r"\d{1,3}(?::\d{1,3}){1,2}(?:[.,]\d{1,6})?"
_WRONG_ARROW = re.compile(rf"\s*{_CLOCK}\s*(?:[-=–—]>|→)\s*{_CLOCK}(?:\s.*)?")
_INNER_TIME = re.compile(r"<(\d{1,3}(?::\d{1,3}){0,2}(?:[.,]\d{1,6})?)>")
_VOICE = re.compile(r"<v(?:\.[^\s<>]{0,100})?\s+([^<>\n]{1,200})>")
_BREAK = re.compile(r"<br\s{0,9}/?>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:[bcisuv]|lang|ruby|rt|font|span|em|strong|p|div)(?:[.\s][^<>\n]{0,200})?/?>|\{\\[^{}\n]{1,100}\}",
    re.IGNORECASE,
)
_PREFIX = re.compile(r"\s{0,9}([^:<>\n]{1,60}):(?=[\s<]|$)")
_OTHER_VOICE = re.compile(r"(?:^|(?<=\s))(?:>>>?|&gt;&gt;(?:&gt;)?)(?=[\sA-Z]|$)")
_SENTENCE_END = re.compile(r"[.?!…:。？！♪)\]–—-][\"'”’)\]]{0,3}$")
_ADDRESS = re.compile(r"(.{1,150}?)\s?@(?:(?:[\w-]{1,63}\.){1,5}[a-z]{2,24}|[0-9a-f-]{36})", re.IGNORECASE)
_OUTSIDER = re.compile(r"\s\((?:external|unverified)\)$", re.IGNORECASE)
_LAST_NAME_FIRST = re.compile(
    r"(?P<last>(?:(?:de|da|di|du|del|van|von|der|den) ){0,2}[^\W\d_][\w'’\-]+), "
    r"(?!(?:ph\.?d|m\.?d|m\.?sc|mba|esq|jr|sr|host|co-host|guest|c[eitf]o|moderator|producer)\b)"
    r"(?P<first>[^\W\d_][\w'’\-]*(?: [^\W\d_][\w'’.\-]*)?)(?P<account> \(guest\))?",
    re.IGNORECASE,
)
_OPAQUE = re.compile(r"\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,9}")
_NOTE = re.compile(r"(?:NOTE|WEBVTT)\b")
_LABELLED_THROUGHOUT = 0.9
_CUES_TO_A_NAME = 20


@dataclass(frozen=True, slots=True)
class Cue:
    """One caption: its times in seconds, its lines as they stand, and the number of the line that holds its times."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Region:
    """`lines[start:end]` of a caption file: what follows the times that `lines[timing]` gives, or the header."""

    timing: int | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one voice says in one cue. `other`: it is not the voice before, whether or not it has a name."""

    cue: Cue
    label: str | None
    words: str
    other: bool = False


def is_timing(line: str) -> bool:
    """True for a line that gives a cue's times, or that is meant to: with a clock at the arrow, or a wrong arrow."""
    if "-->" in line:
        return TIMING.fullmatch(line) is not None or _MEANT_AS_TIMING.search(line) is not None
    return (">" in line or "→" in line) and _WRONG_ARROW.fullmatch(line) is not None


def regions(lines: Sequence[str], *, ids: bool) -> Iterator[Region]:
    """The header and then each cue, up to the number of the next one.

    Args:
        ids: a line between a blank one and the times may hold any id, not only a number.
    """
    timed = [index for index, line in enumerate(lines) if is_timing(line)]
    expected: int | None = None
    for timing, following in zip([None, *timed], [*timed, None], strict=True):
        start = 0 if timing is None else timing + 1
        if following is None:
            yield Region(timing, start, len(lines))
            return
        end, expected = _end_before_id(lines, start, following, expected, ids=ids)
        yield Region(timing, start, end)


def _end_before_id(
    lines: Sequence[str], start: int, end: int, expected: int | None, *, ids: bool
) -> tuple[int, int | None]:
    """Where a region ends that the next cue's id may close, and the number to expect after that id."""
    last = next((index for index in range(end - 1, start - 1, -1) if lines[index].strip()), None)
    if last is None:
        return end, None
    text = lines[last].strip()
    adjacent = last == end - 1
    below_blank = last == 0 or (last > start and not lines[last - 1].strip())
    if _NUMBER.fullmatch(text):
        number = int(text)
        if start == 0 or number == expected or (adjacent and (below_blank or expected is not None)):
            return last, number + 1
    elif ids and adjacent and below_blank and not _NOTE.match(text):
        return last, None
    return end, None


def read_timing(line: str, number: int, example: str) -> tuple[float, float]:
    """The start and the end, in seconds, that a cue's line `number` gives.

    Raises:
        TranscriptError: they cannot be read; the remedy shows the example.
    """
    timing = TIMING.fullmatch(line)
    if timing is None:
        raise TranscriptError(
            f"expected a cue's times, found {line!r}.", line=number, remedy=f"Write them as `{example}`."
        )
    try:
        return seconds(timing[1]), seconds(timing[2])
    except ValueError as error:
        raise TranscriptError(f"{error}.", line=number, remedy="Write times as HH:MM:SS.mmm.") from error


def read_cues(cues: Iterable[Cue]) -> tuple[list[Utterance], list[Dropped]]:
    """What is said in the cues of one file, in order, each under the name that the file gives."""
    spoken = [Cue(cue.start_s, cue.end_s, tuple(filter(str.strip, cue.lines)), cue.line) for cue in cues]
    pieces = list(_pieces(spoken))
    numbers = _numbers_of_ids(piece.label for piece in pieces)
    silent = {cue.line: cue for cue in spoken}
    said: list[Utterance] = []
    label: str | None = None
    for piece in pieces:
        label = piece.label or (None if piece.other else label)
        text, marks = timed_text(_timed_pieces(piece, opens_cue=piece.cue.line in silent))
        if not text:
            continue
        silent.pop(piece.cue.line, None)
        end_s = piece.cue.end_s if piece.cue.end_s >= piece.cue.start_s else None
        name = numbers.get(label, label) if label else None
        said.append(Utterance(name, text, piece.cue.line + 1, marks, end_s, starts_paragraph=piece.other))
    return said, [Dropped("empty cue", cue.line, " ".join(cue.lines)) for cue in silent.values()]


def continue_speakers(utterances: list[Utterance]) -> list[Utterance]:
    """A cue without a name goes on in the voice of the cue before it."""
    current: str | None = None
    named = []
    for utterance in utterances:
        current = utterance.label or current
        named.append(replace(utterance, label=current))
    return named


def words_of(line: str) -> list[str]:
    """A caption line's words, without its tags and inner times."""
    return _INNER_TIME.sub("", _untagged(line)).split() if "<" in line or "{" in line else line.split()


def has_inner_times(line: str) -> bool:
    return "<" in line and _INNER_TIME.search(line) is not None


def ends_sentence(text: str) -> bool:
    """True for words after which another sentence begins, or another speaker breaks in."""
    return _SENTENCE_END.search(text[-5:]) is not None


def _pieces(cues: Sequence[Cue]) -> Iterator[_Piece]:
    lines = [line for cue in cues for line in cue.lines]
    labels: _Labels | None = None
    if any(_VOICE.search(line) for line in lines):
        pieces = (piece for cue in cues for piece in _voices(cue))
    elif _names_above(cues):
        pieces = (_Piece(cue, _name(cue.lines[0]), _untagged(" ".join(cue.lines[1:]))) for cue in cues if cue.lines)
    else:
        labels = _Labels(cues)
        pieces = (piece for place, cue in enumerate(cues) for piece in _labelled(cue, cues[place - 1 : place], labels))
    if sum(_OTHER_VOICE.match(_untagged(line).lstrip()) is not None for line in lines) < 2:
        return pieces
    return (part for piece in pieces for part in _change_voices(piece, labels))


def _names_above(cues: Sequence[Cue]) -> bool:
    """True where the first line of every cue is a name, as in what Teams writes for Word."""
    first = Counter(cue.lines[0].strip() for cue in cues if cue.lines)
    always = all(len(cue.lines) > 1 for cue in cues if cue.lines)
    return always and sum(first.values()) >= max(3, 2 * len(first)) and all(map(is_label, first))


def _voices(cue: Cue) -> Iterator[_Piece]:
    """The pieces of a cue between its voice tags."""
    before, *named = _VOICE.split(" ".join(cue.lines))
    if before.strip():
        yield _Piece(cue, None, _untagged(before))
    for voice, words in zip(named[::2], named[1::2], strict=True):
        yield _Piece(cue, _name(voice), _untagged(words))


def _labelled(cue: Cue, before: Sequence[Cue], labels: _Labels) -> Iterator[_Piece]:
    """The pieces of a cue: a new one at each line that opens with a name."""
    label: str | None = None
    words: list[str] = []
    for place, line in enumerate(map(_untagged, cue.lines)):
        found, rest = labels.split(line, opens_cue=place == 0, before=before)
        if found:
            yield _Piece(cue, label, " ".join(words))
            label, words = found, []
        words.append(rest)
    yield _Piece(cue, label, " ".join(words))


def _change_voices(piece: _Piece, labels: _Labels | None) -> Iterator[_Piece]:
    """The pieces of a piece: a new one, of another voice, at each `>>`."""
    before, *others = _OTHER_VOICE.split(piece.words)
    yield replace(piece, words=before)
    for words in others:
        label, rest = labels.split_announced(words) if labels else (None, words)
        yield _Piece(piece.cue, label, rest, other=True)


class _Labels:
    """Which `Something:` in front of a line is a name, decided from the whole file."""

    def __init__(self, cues: Sequence[Cue]) -> None:
        labelled = [(label, rest) for cue in cues for line in cue.lines for label, rest in _prefixed(line)]
        self._counts = Counter(label for label, _ in labelled)
        opening = [bool(_prefixed(cue.lines[0])) for cue in cues if cue.lines]
        self._throughout = sum(opening) >= _LABELLED_THROUGHOUT * len(opening)
        recurring = {label for label, count in self._counts.items() if count > 1 and is_label(label)}
        self._recurring = bool(recurring)
        # One word and a colon, now and then, is how people talk: "Simple: it's broken".
        self._one_word_names = any(opening[:1]) or len(recurring) > 1
        self._sparse = sum(opening) * _CUES_TO_A_NAME < len(opening)
        begins = [rest[:1] for label, rest in labelled if label in recurring]
        self._capitals = sum(letter.isupper() for letter in begins) * 2 > len(begins)

    def split(self, line: str, *, opens_cue: bool, before: Sequence[Cue]) -> tuple[str | None, str]:
        """The name in front of a line without tags and the rest, or None and the line.

        Args:
            before: the cue before, if there is one.
        """
        match = _PREFIX.match(line)
        label = spaces(unescape(match[1])) if match else ""
        rest = line[match.end() :] if match else line
        if match is None or not self._accepts(label, rest.lstrip(), opens_cue=opens_cue, before=before):
            return None, line
        return _name(label), rest

    def split_announced(self, words: str) -> tuple[str | None, str]:
        """As `split`, behind the sign for another voice: whatever can be a name is one."""
        [(label, rest)] = _prefixed(words) or [("", words)]
        return (_name(label), rest) if is_label(label) or self._counts[label] > 1 else (None, words)

    def _accepts(self, label: str, rest: str, *, opens_cue: bool, before: Sequence[Cue]) -> bool:
        recurs = self._counts[label] > 1
        if not is_label(label):
            return recurs and opens_cue and self._throughout
        if not self._one_word_names and " " not in label and (self._sparse or rest[:1].islower()):
            return False
        if recurs or not self._recurring:
            return recurs or opens_cue
        if self._capitals and rest[:1].islower():
            return False
        # A name that stands once, in the middle of a sentence, is a word of it: "the second one is | Kubernetes: It …"
        last_words = next((words for cue in before for line in reversed(cue.lines) if (words := words_of(line))), None)
        return opens_cue and (last_words is None or ends_sentence(last_words[-1]))


def _prefixed(line: str) -> list[tuple[str, str]]:
    """What may be a name in front of a line, and the rest; nothing where there is none."""
    text = _untagged(line)
    match = _PREFIX.match(text) if ":" in text else None
    return [(spaces(unescape(match[1])), text[match.end() :].lstrip())] if match else []


@lru_cache(maxsize=1000)
def _name(voice: str) -> str:
    """A voice's name, without what some tools write behind it: tenant, mail domain, "(External)"; first name first."""
    name = _OUTSIDER.sub("", spaces(unescape(voice)))
    address = _ADDRESS.fullmatch(name)
    turned = _LAST_NAME_FIRST.fullmatch(name)
    return f"{turned['first']} {turned['last']}{turned['account'] or ''}" if turned else address[1] if address else name


def _numbers_of_ids(labels: Iterable[str | None]) -> dict[str, str]:
    """The voices that are mere ids, each with a "Speaker n" that no other voice has."""
    named = list(dict.fromkeys(label for label in labels if label))
    taken = {label.casefold() for label in named}
    free = (number for number in count(1) if f"speaker {number}" not in taken)
    return {label: f"Speaker {next(free)}" for label in named if _OPAQUE.fullmatch(label)}


def _untagged(line: str) -> str:
    return _TAG.sub("", _BREAK.sub(" ", line)) if "<" in line or "{" in line else line


def _timed_pieces(piece: _Piece, *, opens_cue: bool) -> Iterator[tuple[float | None, str]]:
    """The words of a piece between its inner times, which count where they lie within the cue."""
    first, *timed = _INNER_TIME.split(piece.words)
    start_s, end_s = piece.cue.start_s, piece.cue.end_s
    yield start_s if opens_cue else None, unescape(first)
    for stamp, words in zip(timed[::2], timed[1::2], strict=True):
        time_s = seconds(stamp)
        yield time_s if start_s <= time_s <= end_s else None, unescape(words)


def timed_text(pieces: Iterable[tuple[float | None, str]]) -> tuple[str, tuple[TimeMark, ...]]:
    """Pieces of text in one, blanks collapsed, and their times as marks on the words that follow them.

    >>> timed_text([(1.0, " We left "), (None, "at"), (2.5, " four. ")])
    ('We left at four.', (TimeMark(char=0, seconds=1.0), TimeMark(char=11, seconds=2.5)))
    """
    written: list[str] = []
    marks: list[TimeMark] = []
    length, blank = 0, False
    waiting: float | None = None
    for time_s, piece in pieces:
        waiting = waiting if time_s is None else time_s
        text = one_line(piece)
        if text:
            gap = " " if length and (blank or piece[0].isspace()) else ""
            if waiting is not None:
                marks.append(TimeMark(length + len(gap), waiting))
            written += (gap, text)
            length += len(gap) + len(text)
            waiting, blank = None, False
        blank = blank or piece[-1:].isspace()
    return "".join(written), tuple(marks)
