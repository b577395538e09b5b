"""Who speaks: the labels of one transcript to people, each with a role and how sure we are of it.

What it does: joins spellings of one name (case, "(host)" behind it), and a first name with the only full name
it can belong to. What it does not: join two people because they share a name's part, or name anybody whom the
file does not name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from indexer.metadata import person
from indexer.types import Person, Role, Speaker, Transcript

_FULL_NAME = re.compile(r"\b[^\W\d_a-z][\w'’\-]+(?: (?:[a-z]{2,3} )?[^\W\d_a-z][\w'’\-]+){1,3}")
_HOST_WORDS = re.compile(
    r"\b(?:i'm|i’m|i am|this is) (?:your|the) host\b|\byour host,? |\bhosted by\b|\bmy co-?host\b"
    r"|\byou(?:'re|’re| are) listening to\b|\bwelcome (?:back )?to\b[^.?!]{0,60}\b(?:podcast|show|episode)\b"
    r"|\bmy guests? (?:today|this week)\b|\bthank you for listening\b|\bthanks for listening\b"
    r"|\b(?:i'm|i’m|i am) (?:chatting|talking|joined|speaking|here) (?:with|by)\b"
    r"|\btoday (?:i am|i'm|i’m|we are|we're|we’re) (?:chatting|talking|joined|speaking) (?:with|by)\b"
    r"|\b(?:thanks|thank you)(?: so much)? for (?:joining|being here|coming on)\b",
    re.IGNORECASE,
)
_SELF = r"\b(?:i'm|i’m|i am|my name is|my name's)\s+(?:your host,?\s+)?"
_STATED, _TOLD, _SHOWN, _GUESSED = 1.0, 0.9, 0.7, 0.5


def resolve_speakers(transcript: Transcript) -> dict[str, Speaker]:
    """The person behind each label of a transcript."""
    labels = list(dict.fromkeys(u.label for u in transcript.utterances if u.label))
    names = _canonical_names(labels, transcript)
    known = _merge_people(transcript.people, labels)
    roles = _roles(names, known, transcript)
    speakers = {}
    for label, name in names.items():
        role, confidence = roles[name]
        aliases = tuple(other for other, canonical in names.items() if canonical == name and other != name)
        about = known.get(name.casefold())
        speakers[label] = Speaker(name, role, confidence, aliases, about.description if about else None)
    return speakers


def _canonical_names(labels: list[str], transcript: Transcript) -> dict[str, str]:
    bare = {label: person(label).name for label in labels}
    stated = _unique_names([*bare.values(), *(p.name for p in transcript.people)])
    mentioned = _mentioned_names(transcript)
    names = {}
    for label, name in bare.items():
        spelled = stated[name.casefold()]
        names[label] = spelled if " " in spelled else _full_name(spelled, stated.values(), mentioned)
    return names


def _unique_names(names: Iterable[str]) -> dict[str, str]:
    """One spelling for each name whatever its case: the first that is not all capitals."""
    unique: dict[str, str] = {}
    for name in names:
        key = name.casefold()
        if key not in unique or (unique[key].isupper() and not name.isupper()):
            unique[key] = name
    return unique


def _full_name(first: str, stated: Iterable[str], mentioned: Counter[str]) -> str:
    """The one full name that a first name belongs to, or the first name itself when there are several."""
    matching = {name for name in stated if " " in name and name.split()[0].casefold() == first.casefold()}
    if matching:
        return matching.pop() if len(matching) == 1 else first
    heard = [(count, name) for name, count in mentioned.items() if name.split()[0] == first]
    heard.sort(reverse=True)
    if heard and (len(heard) == 1 or heard[0][0] >= 2 * heard[1][0]):
        return heard[0][1]
    return first


def _mentioned_names(transcript: Transcript) -> Counter[str]:
    """Full names that the title, the page around the words, and introductions in the words hold."""
    about = [transcript.title or "", *(d.text for d in transcript.dropped)]
    spoken = "\n".join(u.text for u in transcript.utterances)
    found = Counter(name for text in about for name in _FULL_NAME.findall(text))
    found.update(re.findall(rf"(?i:{_SELF})({_FULL_NAME.pattern})", spoken))
    found.update(_FULL_NAME.findall("\n".join(u.text for u in transcript.utterances[:12])))
    return found


def _merge_people(people: Iterable[Person], labels: list[str]) -> dict[str, Person]:
    """What is stated of each person; what stands first wins, gaps are filled from what follows."""
    merged: dict[str, Person] = {}
    for entry in (*people, *(person(label) for label in labels)):
        before = merged.get(entry.name.casefold(), entry)
        merged[entry.name.casefold()] = Person(
            before.name, before.role or entry.role, before.description or entry.description
        )
    return merged


def _roles(names: dict[str, str], known: dict[str, Person], transcript: Transcript) -> dict[str, tuple[Role, float]]:
    speaking = list(dict.fromkeys(names.values()))
    roles: dict[str, tuple[Role, float]] = {}
    for name in speaking:
        about = known.get(name.casefold())
        if about and about.role:
            roles[name] = (about.role, _STATED)
    said = _words_by_speaker(names, transcript)
    if not any(role is Role.HOST for role, _ in roles.values()):
        host = _likely_host([name for name in speaking if name not in roles], said)
        if host:
            roles[host[0]] = (Role.HOST, host[1])
    title = (transcript.title or "").casefold()
    has_host = any(role is Role.HOST for role, _ in roles.values())
    for name in speaking:
        if name in roles:
            continue
        if name.casefold() in title:
            roles[name] = (Role.GUEST, _TOLD)
        elif has_host and len(speaking) == 2:
            roles[name] = (Role.GUEST, _SHOWN)
        else:
            roles[name] = (Role.UNKNOWN, 0.0)
    return roles


def _words_by_speaker(names: dict[str, str], transcript: Transcript) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {}
    for utterance in transcript.utterances:
        if utterance.label:
            said.setdefault(names[utterance.label], []).append(utterance.text)
    return said


def _likely_host(candidates: list[str], said: dict[str, list[str]]) -> tuple[str, float] | None:
    """Who presents the show in so many words; failing that, who asks most of what is asked, and speaks less."""
    presents = {name: len(_HOST_WORDS.findall(" ".join(said[name]))) for name in candidates}
    best = sorted(candidates, key=lambda name: -presents[name])
    if best and presents[best[0]] and (len(best) == 1 or presents[best[0]] > presents[best[1]]):
        return best[0], _TOLD
    if len(candidates) != 2:
        return None
    asked = {name: sum(text.count("?") for text in said[name]) for name in candidates}
    words = {name: sum(len(text.split()) for text in said[name]) for name in candidates}
    one, other = sorted(candidates, key=lambda name: -asked[name])
    if asked[one] >= 2 * max(asked[other], 1) and words[one] < words[other]:
        return one, _GUESSED
    return None
