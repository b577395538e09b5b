"""Podlove Simple Transcripts: speeches of one speaker each, in timed items.

    <pst:transcripts version="1.0" xmlns:pst="http://podlove.org/simple-transcripts">
      <pst:speech>
        <pst:speaker>Lena Ortiz</pst:speaker>
        <pst:item start="00:00:01.000" end="00:00:04.000">What made you change your mind?</pst:item>
      </pst:speech>
    </pst:transcripts>

A speech without a speaker is nobody's. What is neither a speaker nor an item is not speech.
"""

from __future__ import annotations

from collections.abc import Iterator

from indexer.trees import Node, parse_xml, root_name, stamp
from indexer.types import Dropped, TimeMark, Transcript, Utterance

_NAMESPACE = "podlove.org/simple-transcripts"


def recognises(text: str) -> bool:
    return root_name(text) == "transcripts" and _NAMESPACE in text[:2000]


def parse(text: str) -> Transcript:
    said: list[Utterance] = []
    dropped: list[Dropped] = []
    for part, label in _parts(parse_xml(text)):
        words = part.words
        if part.name != "item":
            dropped += [Dropped("not in a speech", part.line, words)] if words else []
        elif words:
            start_s = stamp(part, "start")
            marks = () if start_s is None else (TimeMark(0, start_s),)
            said.append(Utterance(label, words, part.line, marks, stamp(part, "end"), starts_paragraph=False))
        else:
            dropped.append(Dropped("empty cue", part.line, ""))
    return Transcript(utterances=tuple(said), dropped=tuple(dropped))


def _parts(root: Node) -> Iterator[tuple[Node, str | None]]:
    """Everything but speakers, in order, with the speaker of its speech."""
    for speech in root.parts:
        if speech.name != "speech":
            yield speech, None
            continue
        speakers = (child.words for child in speech.children if child.name == "speaker")
        label = next(filter(None, speakers), None)
        for part in speech.parts:
            if part.name != "speaker":
                yield part, label
