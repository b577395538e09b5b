"""What a speech recogniser puts out, words or whole segments with speakers and times, to utterances.

>>> words = [Token("Good", "Speaker 0", 1.0), Token("morning", "Speaker 0", 1.4), Token(".", "Speaker 0", joined=True)]
>>> speech([*words, Token("Hello!", "Speaker 1", 2.5, 2.9)])[0][1]
Utterance(label='Speaker 1', text='Hello!', line=1, marks=(TimeMark(char=0, seconds=2.5),), end_s=2.9, section=None, \
starts_paragraph=False)
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from indexer.types import Dropped, TimeMark, Utterance

_PAUSE_S = 1.0
_MARK_EVERY_WORDS = 8
_REACH = 40
_SENTENCE_END = re.compile(r"[.!?…。！？]['\"”’»)\]]{0,3}$")
_PUNCTUATION = re.compile(r"[^\w\s]{1,3}")
_SOUND = re.compile(
    r"[\[(] ?(?:(?:[^\W\d_]{1,20} )?(?:music|música|musica|musik|musique)|applause|silence|blank_audio) ?[\])]|[♪♫ ]+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a punctuation mark, or a segment that is not divided further; `text` is on one line.

    `line` is the place of its entry in the file's list, counted from 1. `joined`: no blank stands before it.
    """

    text: str
    label: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    line: int = 1
    joined: bool = False
    begins_paragraph: bool = False


def speech(tokens: Iterable[Token]) -> tuple[list[Utterance], list[Dropped]]:
    """One utterance for all consecutive tokens of one speaker's paragraph; and the tokens that are no words."""
    runs: list[list[Token]] = []
    dropped: list[Dropped] = []
    for token in tokens:
        if reason := _not_speech(token.text):
            dropped.append(Dropped(reason, token.line, token.text))
            continue
        if not runs or token.label != runs[-1][0].label or token.begins_paragraph:
            runs.append([])
        runs[-1].append(token)
    return [_utterance(run) for run in runs], dropped


def respaced(tokens: Sequence[Token], text: str) -> list[Token] | None:
    """The tokens cut out of `text`, which has the blanks and the marks between them; None if one is not in it.

    What stands between two tokens goes with the one before, so that together they are the whole text.

    >>> [token.text for token in respaced([Token("Hello"), Token("world")], "Hello, world!")]
    ['Hello,', 'world!']
    """
    if not tokens:
        return None
    places: list[int] = []
    cursor = 0
    for token in tokens:
        place = text.find(token.text, cursor, cursor + len(token.text) + _REACH)
        if place < 0:
            return None
        places.append(place)
        cursor = place + len(token.text)
    places[0] = 0
    cut = []
    for token, start, end in zip(tokens, places, [*places[1:], len(text)], strict=True):
        joined = start > 0 and not text[start - 1].isspace()
        cut.append(replace(token, text=text[start:end].strip(), joined=joined))
    return cut


def divided(segment: Token, words: Sequence[Token]) -> list[Token]:
    """A segment cut at its words, which say when and by whom; its own text is what is said.

    A word without a speaker goes with its sentence. Words that are not those of the text count only where the speaker
    changes among them.
    """
    if is_sound(segment.text):
        return [segment]
    voices = _carried([word for word in words if word.text], segment.label)
    cut = respaced(voices, segment.text)
    if cut is None:
        return voices if voices and (len({word.label for word in voices}) > 1 or not segment.text) else [segment]
    if cut[0].start_s is None:
        cut[0] = replace(cut[0], start_s=segment.start_s)
    if cut[-1].end_s is None:
        cut[-1] = replace(cut[-1], end_s=segment.end_s)
    return cut


def conversation(channels: Mapping[str, Sequence[Token]]) -> list[Token]:
    """Several channels as one conversation: their phrases by the times at which they begin, none cut in two.

    Each of several channels numbers its speakers anew, so its name goes before theirs.
    """
    if len(channels) > 1:
        channels = {name: [replace(t, label=channel_label(name, t.label)) for t in channels[name]] for name in channels}
    phrases = heapq.merge(*map(_phrases, channels.values()), key=itemgetter(0))
    return [token for _, phrase in phrases for token in phrase]


def channel_label(channel: str, label: str | None) -> str:
    name = channel if channel and not channel.isdigit() else f"Channel {channel}"
    return f"{name} {label or ''}".strip()


def is_punctuation(text: str) -> bool:
    return _PUNCTUATION.fullmatch(text) is not None


def is_sound(text: str) -> bool:
    """True for a sign that nobody speaks, such as "[Music]"; laughter is somebody's."""
    return _SOUND.fullmatch(text) is not None


def ends_sentence(text: str) -> bool:
    return _SENTENCE_END.search(text[-4:]) is not None


def _carried(words: list[Token], label: str | None) -> list[Token]:
    """The words with a speaker each: the one before's, but at the start of a sentence the next one's."""
    following = label
    ahead = []
    for word in reversed(words):
        following = word.label or following
        ahead.append(following)
    carried: list[Token] = []
    for word, coming in zip(words, reversed(ahead), strict=True):
        begins = not carried or ends_sentence(carried[-1].text)
        voice = word.label or (coming if begins else carried[-1].label)
        carried.append(word if word.label == voice else replace(word, label=voice))
    return carried


def _not_speech(text: str) -> str | None:
    if not text:
        return "empty cue"
    return "sound" if is_sound(text) else None


def _utterance(run: list[Token]) -> Utterance:
    pieces: list[str] = []
    marks: list[TimeMark] = []
    length = unmarked_words = 0
    sentence_ended = True
    for token in run:
        if pieces and not token.joined:
            pieces.append(" ")
            length += 1
        due = not pieces or ((sentence_ended or unmarked_words >= _MARK_EVERY_WORDS) and not is_punctuation(token.text))
        if due and token.start_s is not None:
            marks.append(TimeMark(length, token.start_s))
            unmarked_words = 0
        pieces.append(token.text)
        length += len(token.text)
        unmarked_words += token.text.count(" ") + 1
        sentence_ended = ends_sentence(token.text)
    return Utterance(
        label=run[0].label,
        text="".join(pieces),
        line=run[0].line,
        marks=tuple(marks),
        end_s=_end_s(run),
        starts_paragraph=run[0].begins_paragraph,
    )


def _end_s(run: list[Token]) -> float | None:
    """When the last word ends, if that is known. Marks behind it often have no time."""
    last = next((token for token in reversed(run) if token.end_s is not None or not token.joined), run[0])
    return last.end_s


def _phrases(tokens: Iterable[Token]) -> list[tuple[float, list[Token]]]:
    phrases: list[tuple[float, list[Token]]] = []
    latest = 0.0
    for token in tokens:
        if not phrases or _begins_phrase(phrases[-1][1][-1], token):
            latest = latest if token.start_s is None else token.start_s
            phrases.append((latest, []))
        phrases[-1][1].append(token)
    return phrases


def _begins_phrase(before: Token, token: Token) -> bool:
    if token.joined:
        return False
    paused = before.end_s is not None and token.start_s is not None and token.start_s - before.end_s >= _PAUSE_S
    return paused or ends_sentence(before.text)
