"""References as records that programs read: BibTeX and CSL-JSON, from the facts of a quote.

Neither has a field for the place of a quote in a recording, so that it stands in the note; a citation in a text can
say it too: `\\autocite[7:59]{key}`, `[@key, 7:59]`.

CSL-JSON: a guest's words are an `interview`, of which the guest is the author and the hosts are the interviewers; all
else of a show is a `broadcast`. Two things are so because of what Zotero's import does: the particles of a name are
part of the family name, because Zotero drops them elsewhere (the processors that know particles find them there); and
the note of an interview repeats the show as Zotero's "Extra" field takes it, because its interviews have no other.

BibTeX: braces are written by their names, because parsers count them even where they are escaped. Other letters than
those of ASCII stand as they are, for biber, and for BibTeX with UTF-8. `year` and `month` are for BibTeX, `date` is
for biblatex.
"""

from __future__ import annotations

from typing import Any

from indexer.types import Role
from service.cited import Day, Facts
from service.person_names import PersonName

_BIBTEX_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_BIBTEX_SIGNS = str.maketrans(
    {
        "\\": r"{\textbackslash}",
        "{": r"{\textbraceleft}",
        "}": r"{\textbraceright}",
        "~": r"{\textasciitilde}",
        "^": r"{\textasciicircum}",
        **{sign: f"\\{sign}" for sign in "&%#_$"},
    }
)


def bibtex(facts: Facts) -> str:
    """A `@misc` record."""
    fields = {
        "author": _braced(" and ".join(map(_bibtex_name, facts.leads))) if facts.leads else "",
        # The inner braces keep the capitals.
        "title": _braced(_braced(_escaped(facts.title))),
        "howpublished": _braced(f"\\emph{{{_escaped(facts.show)}}}, podcast") if facts.show else "",
        **(_bibtex_day(facts.day) if facts.day else {}),
        "note": _braced(_bibtex_note(facts)),
        "url": _braced(facts.url or ""),
        "urldate": _braced(_iso(facts.accessed)) if facts.url else "",
    }
    lines = [f"  {name:<12} = {value},\n" for name, value in fields.items() if value and value != "{}"]
    return f"@misc{{{facts.key},\n{''.join(lines)}}}"


def _bibtex_name(name: PersonName) -> str:
    parts = (name.family, name.suffix, name.given)
    return ", ".join(part for part in parts if part) if name.family else _braced(_escaped(name.whole))


def _bibtex_note(facts: Facts) -> str:
    hosts = " and ".join(_escaped(name.natural) for name in facts.others)
    by = "Interview by" if facts.is_interview or facts.show is None else "Hosted by"
    parts = (f"{by} {hosts}" if hosts else "", f"Quoted at {facts.at}" if facts.at else "")
    return ". ".join(part for part in parts if part)


def _bibtex_day(day: Day) -> dict[str, str]:
    if day.words:
        return {"year": _braced(_escaped(day.words))}
    month = {"month": _BIBTEX_MONTHS[day.month - 1]} if day.month else {}
    return {"date": _braced(_iso(day)), "year": _braced(f"{day.year:04}"), **month}


def _iso(day: Day) -> str:
    return "-".join([f"{day.year:04}", *(f"{part:02}" for part in day.parts[1:])])


def _braced(text: str) -> str:
    return f"{{{text}}}"


def _escaped(text: str) -> str:
    return text.translate(_BIBTEX_SIGNS)


def csl_json(facts: Facts) -> dict[str, Any]:
    """An item as the schema of CSL-JSON 1.0.2 has it."""
    is_broadcast = facts.show is not None and not facts.is_interview
    asked_by = [_csl_name(name) for name in (facts.leads if facts.role is Role.HOST else ()) or facts.hosts]
    item = {
        "id": facts.key,
        "type": "broadcast" if is_broadcast else "interview",
        "title": facts.title,
        "author": [_csl_name(name) for name in facts.leads] if facts.role is not Role.HOST else [],
        "host" if is_broadcast else "interviewer": asked_by,
        "container-title": facts.show,
        "medium": "Podcast" if facts.show else None,
        "issued": _csl_day(facts.day) if facts.day else None,
        "URL": facts.url,
        "accessed": _csl_day(facts.accessed) if facts.url else None,
        "language": facts.language,
        "note": _csl_note(facts, is_broadcast=is_broadcast),
        "custom": {"episode": facts.episode_id, "char_start": facts.char_start, "char_end": facts.char_end},
    }
    return {name: value for name, value in item.items() if value}


def _csl_name(name: PersonName) -> dict[str, str]:
    if not name.family:
        return {"literal": name.whole}
    parts = {"family": name.family, "given": name.given, "suffix": name.suffix}
    return {part: value for part, value in parts.items() if value}


def _csl_day(day: Day) -> dict[str, Any]:
    return {"literal": day.words} if day.words else {"date-parts": [day.parts]}


def _csl_note(facts: Facts, *, is_broadcast: bool) -> str:
    show = f"container-title: {facts.show}" if facts.show and not is_broadcast else ""
    return "\n".join(part for part in (show, f"Quoted at {facts.at}" if facts.at else "") if part)
