"""Who speaks: the labels of one transcript to people, each with a role and how sure we are of it.

What it does: joins spellings of one name (case, "(host)" behind it), and a first name with the only full name
it can belong to. What it does not: join two people because they share a name's part, or name anybody whom the
file does not name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import groupby

from indexer.metadata import person
from indexer.names import name_key
from indexer.types import SHOWN_AGAIN, Person, Role, Speaker, Transcript

_FULL_NAME = re.compile(
    r"\b[^\W\d_a-z][\w'’\-]+(?: (?:(?:de|da|di|do|dos|du|del|der|den|van|von|bin|ibn|al|el|la|le) ){0,2}"
    r"[^\W\d_a-z][\w'’\-]+){1,3}"
)
_HOST_WORDS = re.compile(
    r"\b(?:i'm|i’m|i am|this is) (?:your|the) host\b|\byour host,? |\bhosted by\b|\bmy co-?host\b"
    r"|\byou(?:'re|’re| are) listening to\b|\bwelcome (?:back )?to\b[^.?!]{0,60}\b(?:podcast|show|episode)\b"
    r"|\bmy guests? (?:today|this week)\b|\bthank you for listening\b|\bthanks for listening\b"
    r"|\b(?:i'm|i’m|i am) (?:chatting|talking|joined|speaking|here) (?:with|by)\b"
    r"|\btoday (?:i am|i'm|i’m|we are|we're|we’re) (?:chatting|talking|joined|speaking) (?:with|by)\b"
    r"|\b(?:thanks|thank you)(?: so much)? for (?:joining|being here|coming on)\b",
    re.IGNORECASE,
)
_SELF = r"\b(?:i'm|i’m|i am|my name is|my name's|this is)\s+(?:your host,?\s+)?"
_HERE = re.compile(rf"({_FULL_NAME.pattern})(?= (?:and [^\W\d_]+ )?here\b)")
_SELF_INTRODUCTION = re.compile(rf"(?i:{_SELF})({_FULL_NAME.pattern})")
_INTRODUCING_WORDS = (
    r"\b(?:guests?|joined by|here with|with me|with us|welcome|introduce|(?:talk|speak|chatt)ing (?:to|with)"
    r"|co-?host|host)\b[^?!\n]{0,40}?"
)
_INTRODUCTION = re.compile(rf"(?:(?i:{_SELF})|(?i:{_INTRODUCING_WORDS})[\s,])({_FULL_NAME.pattern})")
_ANONYMOUS = re.compile(
    r"(?:channel \d{1,2} )?"
    r"(?:speaker|spk|person|voice|participant|channel|ch|caller|guest|host|s)[ _#-]?(?:\d{1,3}[a-z]?|[a-z])",
    re.IGNORECASE,
)
_TITLE_WORDS = frozenset(
    "a about and at for from hello hi how in is meet of on the to today vs welcome what when where who why with".split()
)
_EXPLAINED = re.compile(r"(?P<name>\S.{1,45}?) \((?P<short>[\w.]{1,12})\)")
_OPENING_WORDS = 2000
_STATED, _TOLD, _SHOWN, _GUESSED = 1.0, 0.9, 0.7, 0.5

# Labels that stand for no person, and the flag that their turns get instead of a speaker.
NOT_PERSONS = {
    **dict.fromkeys(
        ("unknown speaker", "unknown", "speaker", "unidentified", "unidentified speaker", "new speaker"),
        "unknown-speaker",
    ),
    "question": "question",
    "answer": "answer",
    **dict.fromkeys(
        ("audience", "audience member", "audience members", "audience question", "crowd", "all", "both", "everyone"),
        "audience",
    ),
    **dict.fromkeys(
        ("music", "song", "jingle", "jingles", "theme", "theme music", "theme song", "intro music"), "music"
    ),
    **dict.fromkeys(("ad", "ads", "advert", "advertisement", "commercial", "sponsor", "break", "ad break"), "break"),
    **dict.fromkeys(("clip", "audio clip", "video clip", "audio", "video", "recording", "soundbite"), "clip"),
    **dict.fromkeys(("intro", "outro", "introduction", "transition"), "announcement"),
    **dict.fromkeys(
        ("announcer", "narrator", "voiceover", "voice over", "voice-over", "computer voice"), "announcement"
    ),
}


def not_a_person(label: str) -> str | None:
    """The flag of a label that stands for no person, such as `Break` or `Audience`; None for everybody else.

    >>> not_a_person("Audience Member:"), not_a_person("Lena Ortiz")
    ('audience', None)
    """
    return NOT_PERSONS.get(label.casefold().strip(" :()[]"))


def is_anonymous(label: str) -> bool:
    """True for people who are numbered, not named.

    >>> [is_anonymous(label) for label in ("Speaker 1", "SPEAKER_00", "Speaker A", "ch_0", "Hostetler")]
    [True, True, True, True, False]
    """
    return _ANONYMOUS.fullmatch(label.strip()) is not None


def resolve_speakers(transcript: Transcript) -> dict[str, Speaker]:
    """The person behind each label of a transcript; labels that stand for no person are left out."""
    labels = dict.fromkeys(u.label for u in transcript.utterances if u.label and not_a_person(u.label) is None)
    written_out = _written_out(labels)
    labelled = {label: person(written_out.get(label, label)) for label in labels}
    people = [*transcript.people, *labelled.values()]
    canonical = _canonical_names(people, transcript)
    names = {label: canonical[entry.name] for label, entry in labelled.items()}
    known = _merge_people(people, canonical)
    roles = _roles(names, known, transcript)
    speakers = {}
    for label, name in names.items():
        role, confidence, evidence = roles[name]
        aliases = tuple(other for other, canonical in names.items() if canonical == name and other != name)
        about = known.get(name)
        description = about.description if about else None
        speakers[label] = Speaker(name, role, confidence, aliases, description, evidence, is_anonymous(name))
    return speakers


def _written_out(labels: Iterable[str]) -> dict[str, str]:
    """The name behind each abbreviation that a label explains: "LO" and "Lena Ortiz (LO)" are Lena Ortiz."""
    known = frozenset(labels)
    explained = [match for label in known if (match := _EXPLAINED.fullmatch(label)) and match["short"] in known]
    return {spelling: match["name"] for match in explained for spelling in (match["short"], match.group())}


def _canonical_names(people: list[Person], transcript: Transcript) -> dict[str, str]:
    """The one name for every spelling, of those who speak and of those whom metadata states."""
    stated = _unique_names(entry.name for entry in people)
    mentioned = _mentioned_names(transcript)
    introduced = _self_introductions(transcript)
    names = {}
    for entry in people:
        spelled = stated[name_key(entry.name)]
        joined = " " in spelled or is_anonymous(spelled)
        said = introduced.get(name_key(spelled), spelled)
        names[entry.name] = said if joined or said != spelled else _full_name(spelled, stated.values(), mentioned)
    return names


def _unique_names(names: Iterable[str]) -> dict[str, str]:
    """One spelling for each name whatever its case: the first that is not all capitals or all small."""
    unique: dict[str, str] = {}
    for name in names:
        key = name_key(name)
        if key not in unique or (
            unique[key] in (unique[key].upper(), unique[key].lower()) and name not in (name.upper(), name.lower())
        ):
            unique[key] = name
    return unique


def _full_name(first: str, stated: Iterable[str], mentioned: Counter[str]) -> str:
    """The one full name that a first name, last name or initials belong to; themselves when there are several."""
    wanted = name_key(first)
    keys = {name: name_key(name) for name in stated if name != first}
    for part_of in (_first_name, _last_name, _initials):
        matching = {name for name, key in keys.items() if part_of(key) == wanted}
        if matching:
            return matching.pop() if len(matching) == 1 else first
    heard = [(count, name) for name, count in mentioned.items() if name_key(name).split()[0] == wanted]
    heard.sort(reverse=True)
    if heard and (len(heard) == 1 or heard[0][0] >= 2 * heard[1][0]):
        return heard[0][1]
    return first


def short_names(key: str) -> set[str]:
    """What a full name's key may be shortened to.

    >>> sorted(short_names("aaron van wirdum"))
    ['aaron', 'avw', 'wirdum']
    """
    return {short for part_of in (_first_name, _last_name, _initials) if (short := part_of(key))}


def _first_name(key: str) -> str | None:
    return key.split(maxsplit=1)[0] if " " in key else None


def _last_name(key: str) -> str | None:
    return key.rsplit(maxsplit=1)[-1] if " " in key else None


def _initials(key: str) -> str | None:
    """ "avw" of "aaron van wirdum"; of a single long name its first letter."""
    return "".join(word[0] for word in key.split()) if len(key) > 3 else None


def _mentioned_names(transcript: Transcript) -> Counter[str]:
    """Full names that the title, the page around the words, and introductions in the words hold."""
    about = [transcript.title or "", *(d.text for d in transcript.dropped if d.reason != SHOWN_AGAIN)]
    spoken = _opening(transcript)
    found = Counter(name for text in about for name in _FULL_NAME.findall(text))
    found.update(_INTRODUCTION.findall(spoken))
    found.update(_HERE.findall(spoken))
    names: Counter[str] = Counter()
    for text, count in found.items():
        if " " in (name := _name_alone(text)):
            names[name] += count
    return names


def _opening(transcript: Transcript) -> str:
    """The words with which a recording opens, however finely its file cuts them."""
    pieces: list[str] = []
    words = 0
    for utterance in transcript.utterances:
        if words > _OPENING_WORDS:
            break
        words += len(utterance.text.split())
        pieces += ("\n" if utterance.starts_paragraph else " ", utterance.text)
    return "".join(pieces)


def _self_introductions(transcript: Transcript) -> dict[str, str]:
    """Key of a first name to the one full name under which that speaker presents himself or herself."""
    found: dict[str, set[str]] = {}
    for spelled, said_by in groupby(transcript.utterances, lambda utterance: utterance.label):
        label = name_key(person(spelled).name) if spelled else ""
        if not label or " " in label:
            continue
        for said in _SELF_INTRODUCTION.findall(" ".join(utterance.text for utterance in said_by)):
            name = _name_alone(said)
            if _first_name(name_key(name)) == label:
                found.setdefault(label, set()).add(name)
    return {label: names.pop() for label, names in found.items() if len(names) == 1}


def _name_alone(capitalised: str) -> str:
    """A run of capitalised words without a title's words around the name, and without a possessive.

    >>> _name_alone("With Lena Ortiz On Why"), _name_alone("Lena Ortiz's")
    ('Lena Ortiz', 'Lena Ortiz')
    """
    words = capitalised.split()
    around = [word[0].isupper() and word.casefold() in _TITLE_WORDS for word in words]
    start = around.index(False) if False in around else len(words)
    end = around.index(True, start) if True in around[start:] else len(words)
    return re.sub(r"['’]s?$", "", " ".join(words[start:end]))


def _merge_people(people: Iterable[Person], canonical: dict[str, str]) -> dict[str, Person]:
    """What is stated of each person; what stands first wins, gaps are filled from what follows."""
    merged: dict[str, Person] = {}
    for entry in people:
        name = canonical[entry.name]
        before = merged.get(name, entry)
        merged[name] = Person(name, before.role or entry.role, before.description or entry.description)
    return merged


_Evidence = tuple[Role, float, str]


def _roles(names: dict[str, str], known: dict[str, Person], transcript: Transcript) -> dict[str, _Evidence]:
    speaking = list(dict.fromkeys(names.values()))
    roles: dict[str, _Evidence] = {}
    for name in speaking:
        about = known.get(name)
        if about and about.role:
            roles[name] = (about.role, _STATED, "stated in the file, its metadata or the label")
    said = _words_by_speaker(names, transcript)
    if not any(role is Role.HOST for role, *_ in roles.values()):
        roles |= _likely_host([name for name in speaking if name not in roles], said)
    title = name_key(transcript.title or "")
    host_confidence = max((sure for role, sure, _ in roles.values() if role is Role.HOST), default=0.0)
    for name in speaking:
        if name in roles:
            continue
        if name_key(name) in title:
            roles[name] = (Role.GUEST, _TOLD, "named in the title")
        elif host_confidence and len(speaking) == 2:
            roles[name] = (Role.GUEST, min(_SHOWN, host_confidence), "the only one who speaks with the host")
        else:
            roles[name] = (Role.UNKNOWN, 0.0, "nothing tells")
    return roles


def _words_by_speaker(names: dict[str, str], transcript: Transcript) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {}
    for utterance in transcript.utterances:
        if utterance.label in names:
            said.setdefault(names[utterance.label], []).append(utterance.text)
    return said


def _likely_host(candidates: list[str], said: dict[str, list[str]]) -> dict[str, _Evidence]:
    """Who presents the show in so many words; failing that, who asks most of what is asked, and speaks less."""
    presents = {name: _HOST_WORDS.findall(" ".join(_first_and_last(said[name]))) for name in candidates}
    best = sorted(candidates, key=lambda name: -len(presents[name]))
    if best and presents[best[0]] and (len(best) == 1 or len(presents[best[0]]) > len(presents[best[1]])):
        return {best[0]: (Role.HOST, _TOLD, f"says “{presents[best[0]][0].strip()}”")}
    asked = Counter({name: sum(text.count("?") for text in said[name]) for name in candidates})
    ranked = asked.most_common(2)
    if len(ranked) == 2 and ranked[0][1] >= 1.5 * max(ranked[1][1], 1):
        return {ranked[0][0]: (Role.HOST, _GUESSED, f"asks {ranked[0][1]} questions of {asked.total()}")}
    return {}


def _first_and_last(texts: list[str]) -> list[str]:
    """Where people present a show, and take leave."""
    return texts[:8] + texts[max(8, len(texts) - 4) :]
