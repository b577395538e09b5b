"""Any XML whose elements tell who says what, by an attribute or an element beside the words, or at least when.

    <interview title="Ice">
      <turn speaker="Lena Ortiz" start="1.0" end="4.0">What made you change your mind?</turn>
      <turn><name>Omar Haddad</name><start>5.2</start><text>The ice. It came early.</text></turn>
      <sp who="#lena"><p>How early?</p><p>To the day?</p></sp>
    </interview>

What a reference such as `#lena` calls a speaker is looked up: `<person id="lena" name="Lena Ortiz"/>` or `<person
id="lena"><name>…`. A speaking element inside another takes its speaker from it. Text of elements that state neither a
speaker nor a time is not speech. YouTube's `<transcript>` and `<timedtext>`, TEI and Transcriber files are such files.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from indexer.clock import media_seconds
from indexer.cues import timed_text
from indexer.errors import TranscriptError
from indexer.fields import label_of
from indexer.markup import unescape
from indexer.trees import Node, is_xml, parse_xml, root_name
from indexer.types import Dropped, Transcript, Utterance

_SPEAKER = ("speaker", "speakername", "speaker_name", "speakerid", "speaker_id", "spk", "spkr", "who", "voice", "agent")
_START = ("start", "starttime", "start_time", "begin", "time", "timestamp")
_END = ("end", "endtime", "end_time", "stop")
_DURATION = ("dur", "duration")
_TIMES = frozenset((*_START, *_END, *_DURATION))
_WORDS = frozenset("text words body content utterance sentence line speech p".split())
_ABOUT = frozenset("title date show podcast series url link language id index confidence".split())
_PARAGRAPHS = frozenset(("p", "para", "paragraph", "ab"))
_OTHER_FORMATS = frozenset("html rss feed opml svg plist urlset sitemapindex tt".split())
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?=[T\s]|\Z)")
_REFERENCE = re.compile(r"#\S+(?:\s+#\S+)*")


@dataclass(frozen=True, slots=True, eq=False)
class _Voice:
    """Who speaks a stretch of text: each is one stretch. `speaks` is False outside all speech."""

    label: str | None
    line: int
    speaks: bool = True
    end_s: float | None = None
    opens_paragraph: bool = False


Piece = tuple[_Voice, float | None, str]
"""A voice, the time from which it speaks where one stands there, and its text."""


def recognises(text: str) -> bool:
    root = root_name(text)
    return root is not None and root not in _OTHER_FORMATS and is_xml(text)


def parse(text: str) -> Transcript:
    root = parse_xml(text)
    as_words = unescape if _is_youtube(root) else str  # YouTube escapes its words twice
    said: list[Utterance] = []
    dropped: list[Dropped] = []
    for voice, run in groupby(_Reader(root).pieces(), key=lambda piece: piece[0]):
        words, marks = timed_text((time_s, as_words(text)) for _, time_s, text in run)
        if words and voice.speaks:
            paragraph = voice.opens_paragraph
            said.append(Utterance(voice.label, words, voice.line, marks, voice.end_s, starts_paragraph=paragraph))
        elif words:
            dropped.append(Dropped("not in a speech", voice.line, words))
    if not said:
        raise TranscriptError(
            "no element states who speaks, or when.",
            remedy='Write speeches as <turn speaker="Lena Ortiz" start="1.0">…</turn>.',
        )
    return Transcript(
        utterances=tuple(said),
        title=_about(root, "title"),
        show=_about(root, "show", "podcast", "series"),
        date=next(iter(_DAY.findall(_about(root, "date") or "")), None),
        url=_about(root, "url", "link"),
        language=_about(root, "lang", "language"),
        dropped=tuple(dropped),
    )


class _Reader:
    """The pieces of text of one document, in order."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._names = {node.attributes["id"]: _name(node) for node in root.walk() if "id" in node.attributes}
        self._is_timedtext = root.name == "timedtext"  # YouTube's: milliseconds, counted from the parent's

    def pieces(self) -> Iterator[Piece]:
        return self._pieces(self._root, _Voice(None, self._root.line, speaks=False), None, 0.0)

    def _pieces(self, node: Node, around: _Voice, waiting_s: float | None, base_s: float) -> Iterator[Piece]:
        has_text = any(isinstance(part, str) and part.strip() for part in node.content)
        statements = {} if has_text else _statements(node)
        label = self._label(_attribute(node, *_SPEAKER))
        start_s = self._time(_attribute(node, *_START, *("t" * self._is_timedtext)), base_s)
        waiting_s = waiting_s if start_s is None else start_s
        inner_start_s = next((self._time(child.words, base_s) for child in statements if _is(child, _START)), None)
        voice = around
        if label or start_s is not None or inner_start_s is not None or (around.speaks and _is(node, _PARAGRAPHS)):
            end_s = self._end(node, statements, start_s if inner_start_s is None else inner_start_s, base_s)
            opens_paragraph = label is not None or (start_s is None and _is(node, _PARAGRAPHS))
            voice = _Voice(label or around.label, node.line, end_s=end_s, opens_paragraph=opens_paragraph)
        for part in node.content:
            if isinstance(part, str):
                yield voice, waiting_s, part
                waiting_s = None if part.strip() else waiting_s
            elif part in statements and _is(part, _TIMES):
                waiting_s = self._time(part.words, base_s) if _is(part, _START) else waiting_s
            elif part in statements:
                label = self._label(part.words)
                voice = replace(voice, label=label, line=part.line, speaks=True, opens_paragraph=True)
            elif _is(part, _ABOUT) and not part.children:
                yield replace(around, line=part.line, speaks=False), None, part.text
            elif part.words:
                inner = voice if voice.speaks else replace(voice, line=part.line)
                yield from self._pieces(part, inner, waiting_s, base_s if start_s is None else start_s)
                yield voice, None, " " * (not has_text)  # without blanks between them, elements are lines all the same
                waiting_s = None
            else:
                waiting_s = self._time(_attribute(part, *_START), base_s) or waiting_s

    def _label(self, stated: str | None) -> str | None:
        """A speaker as stated, or the names of those whom a reference means."""
        if stated is None:
            return None
        identifiers = stated.replace("#", " ").split() if _REFERENCE.fullmatch(stated) else [stated]
        return label_of(" & ".join(self._names.get(identifier) or identifier for identifier in identifiers))

    def _end(self, node: Node, statements: Iterable[Node], start_s: float | None, base_s: float) -> float | None:
        ends = [_attribute(node, *_END), *(child.words for child in statements if _is(child, _END))]
        lasts = [_attribute(node, *_DURATION, *("d" * self._is_timedtext))]
        lasts += [child.words for child in statements if _is(child, _DURATION)]
        end_s = next((self._time(end, base_s) for end in ends if end), None)
        lasts_s = next((self._time(length, 0.0) for length in lasts if length), None)
        if end_s is None and start_s is not None and lasts_s is not None:
            end_s = start_s + lasts_s
        return None if end_s is None or (start_s is not None and end_s < start_s) else end_s

    def _time(self, stated: str | None, base_s: float) -> float | None:
        """A time in seconds, or None for what is no time: in XML of any kind, `time` may be anything."""
        try:
            time_s = None if stated is None else media_seconds(stated)
        except ValueError:
            return None
        return time_s / 1000 + base_s if self._is_timedtext and time_s is not None else time_s


def _is_youtube(root: Node) -> bool:
    return root.name == "timedtext" or (
        root.name == "transcript" and all(child.name == "text" for child in root.children)
    )


def _statements(node: Node) -> dict[Node, None]:
    """The elements beside the words that say who speaks them, and when."""
    names_somebody = any(_is(child, _WORDS) for child in node.children)
    leaves = (child for child in node.children if not child.children and child.words)
    return dict.fromkeys(
        child
        for child in leaves
        if _is(child, _SPEAKER) or _is(child, _TIMES) or (names_somebody and _is(child, ("name",)))
    )


def _is(node: Node, names: Collection[str]) -> bool:
    return node.name in names


def _attribute(node: Node, *names: str) -> str | None:
    return next((stated for name in names if (stated := node.attributes.get(name, "").strip())), None)


def _name(node: Node) -> str:
    inner = (child.words for child in node.children if _is(child, ("name", "persname", "label")))
    return _attribute(node, "name") or next(filter(None, inner), "")


def _about(root: Node, *names: str) -> str | None:
    """What the root says of the whole file, by an attribute or an element right below it."""
    inner = (child.words for child in root.children if _is(child, names) and not child.children)
    return _attribute(root, *names) or next(filter(None, inner), None)
