"""TTML (also called DFXP): captions as XML, with agents for speakers; what Apple Podcasts makes of an episode.

    <tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="http://www.w3.org/ns/ttml#metadata" xml:lang="en">
      <head><metadata>
        <ttm:title>Ice</ttm:title>
        <ttm:agent xml:id="a1" type="person"><ttm:name type="full">Lena Ortiz</ttm:name></ttm:agent>
      </metadata></head>
      <body><div>
        <p begin="00:00:01.000" end="4s" ttm:agent="a1">What made you<br/>change your mind?</p>
        <p begin="5.2" end="7" ttm:agent="SPEAKER_2"><span unit="sentence"><span unit="word" begin="5.2">The</span><span
          unit="word" begin="5.5">ice.</span></span></p>
      </div></body>
    </tt>

An agent without a name is called as the file calls it. Where no agents stand, `Name:` in front of a caption names its
speaker, and a caption without a name goes on in the last voice. The head is not speech. A time that is earlier than
that of what surrounds it counts from there, as the standard has it; any other counts from the start, as files have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from indexer.clock import seconds
from indexer.cues import continue_speakers, timed_text
from indexer.labels import split_label
from indexer.trees import Node, parse_xml, root_name, stamp
from indexer.types import Dropped, Transcript, Utterance

_WITH_FRAMES = re.compile(r"(\d{1,3}:\d{1,2}:\d{1,2}):(\d{1,4})")
_COUNTED = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)([ft])")
_NOT_SPOKEN = frozenset({"metadata", "title", "desc", "copyright", "agent", "name", "set"})


@dataclass(frozen=True, slots=True)
class _Document:
    """What holds for the whole file: names of agents by their ids, units per second, and whether <p> is a paragraph."""

    agents: Mapping[str, str]
    names_agents: bool
    per_second: Mapping[str, float]
    in_paragraphs: bool


def recognises(text: str) -> bool:
    return root_name(text) == "tt"


def parse(text: str) -> Transcript:
    root = parse_xml(text)
    document = _document(root)
    said: list[Utterance] = []
    dropped: list[Dropped] = []
    for part, label, base_s in _captions(root, None, 0.0, document):
        found = list(_utterances(part, label, base_s, document)) if part.name == "p" else []
        said += found
        if not found:
            dropped.append(Dropped("empty cue" if part.name == "p" else "not in a caption", part.line, part.words))
    if not document.names_agents:
        said = continue_speakers([_split(utterance) for utterance in said])
    titles = (node.words for node in root.walk() if node.name == "title")
    return Transcript(
        utterances=tuple(said),
        title=next(filter(None, titles), None),
        language=root.attributes.get("lang") or None,
        dropped=tuple(dropped),
    )


def _document(root: Node) -> _Document:
    nodes = list(root.walk())
    agents = {
        node.attributes.get("id", ""): next(filter(None, (child.words for child in node.children)), "")
        for node in nodes
        if node.name == "agent"
    }
    frames, ticks = (_rate(root.attributes.get(name, "")) for name in ("framerate", "tickrate"))
    numerator, _, denominator = root.attributes.get("frameratemultiplier", "").partition(" ")
    multiplier = (_rate(numerator) or 1.0) / (_rate(denominator) or 1.0)
    return _Document(
        agents={identifier: name for identifier, name in agents.items() if name},
        names_agents=any("agent" in node.attributes for node in nodes),
        per_second={"f": (frames or 30.0) * multiplier, "t": ticks or 1.0},
        in_paragraphs=any(node.attributes.get("unit") == "sentence" for node in nodes),
    )


def _rate(stated: str) -> float:
    return float(stated) if re.fullmatch(r"\d{1,9}", stated) else 0.0


def _captions(
    node: Node, label: str | None, base_s: float, document: _Document
) -> Iterator[tuple[Node, str | None, float]]:
    """Every <p>, and other text outside the head, with the agent and the time of what surrounds it."""
    for part in node.parts:
        if part.name in ("p", "#text"):
            yield part, label, base_s
        elif part.name != "head" and part.name not in _NOT_SPOKEN:
            begin_s = _time(part, "begin", base_s, document)
            inner = base_s if begin_s is None else begin_s
            yield from _captions(part, _agent(part, document) or label, inner, document)


def _utterances(caption: Node, label: str | None, base_s: float, document: _Document) -> Iterator[Utterance]:
    """What is said in a <p>, one utterance an agent."""
    begin_s = _time(caption, "begin", base_s, document)
    end_s = _end(caption, begin_s, base_s, document)
    voice = _agent(caption, document) or label
    pieces = _pieces(caption, voice, base_s if begin_s is None else begin_s, document)
    waiting_s = begin_s
    for speaker, run in groupby(pieces, key=lambda piece: piece[0]):
        said = [(time_s, text) for _, time_s, text in run]
        words, marks = timed_text([(waiting_s, ""), *said])
        if words:
            yield Utterance(speaker, words, caption.line, marks, end_s, starts_paragraph=document.in_paragraphs)
            waiting_s = None


def _pieces(
    node: Node, voice: str | None, base_s: float, document: _Document
) -> Iterator[tuple[str | None, float | None, str]]:
    """The texts inside a caption, each with its agent, and the time from which it is said where one stands there."""
    for part in node.content:
        if isinstance(part, str):
            yield voice, None, part
        elif part.name == "br":
            yield voice, None, " "
        elif part.name not in _NOT_SPOKEN:
            speaker = _agent(part, document) or voice
            begin_s = _time(part, "begin", base_s, document)
            around = " " if "unit" in part.attributes else ""  # Apple leaves no blanks between its words
            yield speaker, begin_s, around
            yield from _pieces(part, speaker, base_s if begin_s is None else begin_s, document)
            yield speaker, None, around


def _agent(node: Node, document: _Document) -> str | None:
    identifiers = node.attributes.get("agent", "").split()
    return " & ".join(document.agents.get(identifier, identifier) for identifier in identifiers) or None


def _end(caption: Node, begin_s: float | None, base_s: float, document: _Document) -> float | None:
    lasts_s = _time(caption, "dur", 0.0, document)
    if lasts_s is not None:
        return None if begin_s is None else begin_s + lasts_s
    end_s = _time(caption, "end", base_s, document)
    return None if end_s is None or (begin_s is not None and end_s < begin_s) else end_s


def _time(node: Node, name: str, base_s: float, document: _Document) -> float | None:
    stated = node.attributes.get(name, "").strip()
    with_frames, counted = _WITH_FRAMES.fullmatch(stated), _COUNTED.fullmatch(stated)
    if with_frames:
        time_s: float | None = seconds(with_frames[1]) + int(with_frames[2]) / document.per_second["f"]
    elif counted:
        time_s = float(counted[1]) / document.per_second[counted[2]]
    else:
        time_s = stamp(node, name)
    return time_s if time_s is None or time_s >= base_s else time_s + base_s


def _split(utterance: Utterance) -> Utterance:
    """An utterance with `Name:` in front as that speaker's."""
    label, words = split_label(utterance.text)
    taken = len(utterance.text) - len(words)
    marks = tuple(replace(mark, char=max(0, mark.char - taken)) for mark in utterance.marks)
    return replace(utterance, label=label, text=words, marks=marks) if label and words else utterance
