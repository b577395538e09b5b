r"""Heads: how a line names whoever speaks next, in every spelling that labelled transcripts are known to use.

    Lena Ortiz: Good morning.             **Lena Ortiz:** Good morning.   **Lena Ortiz: What changed?**
    Lena Ortiz (00:12:31): Good morning.  __Lena Ortiz__: Good morning.   *Lena Ortiz:* Good morning.
    Lena Ortiz [12:31]: Good morning.     **Lena Ortiz** [12:31] Morning. [12:31] **Lena Ortiz**: Good morning.
    [12:31] Lena Ortiz: Good morning.     Lena Ortiz  12:31               Lena Ortiz: 00:12:31
    Lena Ortiz – 00:12:31: Good morning.  Lena Ortiz:                     **Lena Ortiz**
    LENA ORTIZ, HOST: Good morning.

What stands alone on its line names the words below. A head is what a line may open with; whether it is one takes the
whole file to know (`indexer.labelled`): "Meet Lena 12:31" has the shape of one too.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from indexer.clock import CLOCK, seconds
from indexer.labels import is_label
from indexer.markup import plain, spaces

Stamp = Literal["", "lead", "round", "square", "bare", "dash", "colon"]

_RANGE = rf"(?:\s*(?:-{{1,2}}>|[-–—]|to)\s*{CLOCK})?"
_BRACKETED = rf"\\?[\[(]\s?({CLOCK}){_RANGE}\s?\\?[\])]"
_LEAD = re.compile(rf"(?:{_BRACKETED}|({CLOCK})(?=\s))\s*(?:[-–—|]\s+)?")
_TAIL = re.compile(
    rf"\s*(?:[-–—]\s*)?(?P<colon>[:：]{{1,2}})(?P<gap>\s*)"
    rf"|\s*(?P<open>\\?[\[(])\s?(?P<bracketed>{CLOCK}){_RANGE}\s?\\?[\])]\s*[:：]?\s*"
    rf"|\s*[-–—]\s*(?P<dashed>{CLOCK})(?=[\s:：]|$)\s*[:：]?\s*"
    rf"|(?P<before>\s+)(?P<bare>{CLOCK})(?=[\s:：]|$)\s*[:：]?\s*"
)
_AFTER_COLON = re.compile(rf"{_BRACKETED}\s*|(\d{{1,3}}:\d{{2}}:\d{{2}}(?:[.,]\d{{1,6}})?):?(?:\s+|$)|({CLOCK}):?$")
_NOT_AFTER_COLON = re.compile(r"[/:)]|\d(?!\d?:\d\d:\d\d)|\\(?!\[)")
_MARKED = re.compile(
    r"(?P<stray>[\"'“‘\d*]??)(?:(?P<stars>\*{1,3})(?P<starred>[^*\s][^*\n]{0,200}?)\s*(?P=stars)(?:\*(?=\s)|(?!\*))"
    r"|(?P<lows>_{1,3})(?P<lowed>[^_\s](?:[^_\n]|_(?=\w)){0,200}?)\s*(?P=lows)(?![_\w]))"
)
_MARKUP = re.compile(r"[\\\[&`_*<]")
_NO_NAME = re.compile(r"[<>{}\[\]\\\"“”?!;|=*…]|\.\.|\.\s+[a-z]|\S{40}")
_SUPERSCRIPT = re.compile(r"^[²³¹⁰-⁹]+")
_ROLE_BEHIND_COMMA = re.compile(r",\s(?=(?:co-?host|host|guest|interviewer|interviewee)$)", re.IGNORECASE)
_LONGEST_NAME, _LONGEST_HEAD, _MOST_WORDS = 60, 120, 7


class Head(NamedTuple):
    """What a line opens with. `words` is the rest of it as it is spelled; `marked`: the name is emphasised.

    `key` is the label's (see `label_key`). `stamp` is where the time stands, if there is one. `stray` is a
    sign before an emphasised name that is no word.
    """

    label: str
    key: str
    words: str
    seconds: float | None = None
    stamp: Stamp = ""
    colon: bool = False
    marked: bool = False
    stray: str = ""


def label_key(label: str) -> str:
    """What is the same for all spellings of one label in a file.

    >>> label_key("LENA  ORTIZ") == label_key("Lena Ortiz ")
    True
    """
    return " ".join(label.casefold().split())


def starts_with_time(line: str) -> bool:
    return _LEAD.match(line) is not None


def time_alone(line: str) -> float | None:
    """The time that a line, stripped, is and nothing else, in seconds."""
    match = _LEAD.fullmatch(f"{line} ")
    return seconds(match[1] or match[2]) if match else None


def read_head(line: str) -> Head | None:
    """What a line, stripped, could open with.

    >>> head = read_head("Lena Ortiz [12:31]: So.")
    >>> head.label, head.seconds, head.words
    ('Lena Ortiz', 751.0, 'So.')
    """
    lead = _LEAD.match(line)
    rest = line[lead.end() :] if lead else line
    head = _marked(rest) if rest[:4].strip("\"'“‘0123456789")[:1] in ("*", "_") else _named(rest)
    return _led(lead, rest, head) if lead else head


def _led(lead: re.Match[str], rest: str, head: Head | None) -> Head | None:
    """The head behind a time at the line's start; a name alone is one there, without a colon too."""
    start_s = seconds(lead[1] or lead[2])
    if head is None:
        return _head(rest, "", start_s, "lead") if is_label(rest.strip()) else None
    return head._replace(seconds=start_s, stamp="lead") if not head.stamp and (head.colon or not head.words) else None


def _marked(line: str) -> Head | None:
    match = _MARKED.match(line)
    if match is None:
        return None
    inner, after = match["starred"] or match["lowed"], line[match.end() :]
    if match["stray"] == "*" and after.endswith("*"):
        after = after[:-1]
    if _MARKUP.search(inner):
        inner = plain(inner)
    lead = _LEAD.match(inner)
    bare = inner[lead.end() :] if lead else inner
    head = _named(f"{bare}{after}", longest=len(bare), certain=True)
    if head is None and not after.strip() and is_label(bare):
        head = _head(bare, "")
    if head and lead:
        head = _led(lead, bare, head)
    return head._replace(marked=True, stray=match["stray"].strip("*")) if head else None


def _named(line: str, *, longest: int = _LONGEST_NAME, certain: bool = False) -> Head | None:
    """A head whose name ends by code point `longest`; where that is not certain, "https:" and "4:3" are none."""
    tail = _TAIL.search(line[:_LONGEST_HEAD], 1)
    if tail is None or tail.start() > longest:
        return None
    name, words = line[: tail.start()], line[tail.end() :]
    if tail["colon"]:
        if not certain and not tail["gap"] and _NOT_AFTER_COLON.match(words):
            return None
        stamp = _AFTER_COLON.match(words)
        if stamp is None:
            return _head(name, words, colon=True)
        start_s = seconds(stamp[1] or stamp[2] or stamp[3])
        return _head(name, words[stamp.end() :], start_s, "colon", colon=True)
    colon = "：" in tail.group().rstrip()[-1:] or tail.group().rstrip().endswith(":")
    if tail["bracketed"]:
        if words and not colon and not certain:
            return None  # "Right [08:15] so we went" is a time in the middle of words
        kind: Stamp = "square" if "[" in tail["open"] else "round"
        return _head(name, words, seconds(tail["bracketed"]), kind, colon=colon)
    if tail["dashed"]:
        return _head(name, words, seconds(tail["dashed"]), "dash", colon=colon)
    if words and len(tail["before"]) == 1 and tail["before"] != "\t":
        return None
    return _head(name, words, seconds(tail["bare"]), "bare", colon=colon)


def _head(
    name: str, words: str, start_s: float | None = None, stamp: Stamp = "", *, colon: bool = False
) -> Head | None:
    spelled = plain(name) if "\\" in name else spaces(name)
    label = _SUPERSCRIPT.sub("", spelled.strip("-–— "))
    if role := _ROLE_BEHIND_COMMA.search(label):
        label = f"{label[: role.start()]} ({label[role.end() :]})"
    if not label or len(label) > _LONGEST_NAME or label.count(" ") >= _MOST_WORDS or _NO_NAME.search(label):
        return None
    return Head(label, label_key(label), words.strip(), start_s, stamp, colon)
