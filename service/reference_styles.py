"""References as Chicago, APA and MLA write them, from the facts of a quote.

What is in italics, and addresses, stand between marks (`MARKED` finds them), because plain text, Markdown and HTML
write them differently.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from indexer.types import Role
from service.cited import Day, Facts
from service.person_names import PersonName

MONTHS = "January February March April May June July August September October November December".split()
_MLA_MONTHS = "Jan. Feb. Mar. Apr. May June July Aug. Sept. Oct. Nov. Dec.".split()

_MARKS = _ITALIC, _ITALIC_END, _LINK, _LINK_END = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"
MARKED = re.compile(
    f"{_ITALIC}(?P<italic>[^{_ITALIC_END}]+){_ITALIC_END}|{_LINK}(?P<link>[^{_LINK_END}]+){_LINK_END}"
    f"|(?P<plain>[^{_ITALIC}{_LINK}]+)"
)
_OPENING_QUOTE = re.compile(r'(?:^|(?<=[\s(\[—–-]))"')
_DOUBLE_QUOTES = str.maketrans({"“": "‘", "”": "’", '"': "’"})


def chicago(facts: Facts) -> str:
    """A note: `Calder Nwosu, “A Warehouse,” interview by Ada Ilves, Spinning Reserve, March 12, 2024, podcast, …`.

    The day of access stands in for a date that is not known. `at` tells the time from the length of a recording.
    """
    hosts = _all([name.natural for name in facts.others])
    asked = _is_asked_by_hosts(facts)
    rest = listed(
        f"interview by {hosts}" if hosts and asked else "",
        _italic(facts.show),
        f"hosted by {hosts}" if hosts and not asked else "",
        _month_first(facts.day) if facts.day else "",
        "podcast" if facts.show else "",
        f"at {facts.at}" if facts.at else "",
        _undated(facts),
        _link(facts.url),
    )
    title = f"{_quoted(facts.title, ',')} {rest}" if rest else _quoted(facts.title, ".")
    return _closed(listed(_all([name.natural for name in facts.leads]), _role(facts), title))


def apa(facts: Facts) -> str:
    """`Nwosu, C. (Guest), & Ilves, A. (Host). (2024, March 12). A warehouse [Audio podcast episode]. In Spinning …`.

    The entry of the list, and below it the citation in the text, which has the time. Without a show it is an interview,
    whose author is the speaker. Where nobody is named the title comes first.
    """
    authors = _apa_authors(facts)
    day = f"({_apa_day(facts.day)})"
    title = _apa_title(facts)
    parts = [authors, day, title] if authors else [title, day]
    if facts.show:
        parts.append(f"In {_italic(facts.show)}")
    entry = " ".join(map(_closed, parts))
    if facts.url:
        retrieved = "" if facts.day else f"Retrieved {_month_first(facts.accessed)}, from "
        entry += f" {retrieved}{_link(facts.url)}"
    year = (facts.day.words or str(facts.day.year)) if facts.day else "n.d."
    return f"{entry}\n({_apa_named(facts)} {listed(year, facts.at or '')})"


def _apa_authors(facts: Facts) -> str:
    leads = [name.initialed for name in facts.leads]
    hosts = [name.initialed for name in _apa_hosts(facts)]
    if leads and facts.role is Role.HOST:
        leads[-1] += f" ({_plural(_host(facts).title(), leads)})"
    elif leads and facts.is_interview and facts.show:
        leads[-1] += " (Guest)"
    if hosts:
        hosts[-1] += f" ({_plural('Host', hosts)})"
    names = leads + hosts
    return ", & ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _apa_hosts(facts: Facts) -> tuple[PersonName, ...]:
    """The hosts who are authors beside a speaker; the words of somebody who is not named are not given to them."""
    return facts.others if facts.show and facts.leads else ()


def _apa_title(facts: Facts) -> str:
    """The title with what kind of thing it is, and between them the hosts who are no authors."""
    title, kind = (facts.title, "Audio podcast episode") if facts.show else (_italic(facts.title), "Interview")
    hosts = [name.initials_first for name in facts.others if not _apa_hosts(facts)]
    by = f" ({_all(hosts, '&')}, {_plural(_host(facts).title(), hosts)})" if hosts else ""
    return f"{title}{by} [{kind}]"


def _apa_named(facts: Facts) -> str:
    """Who stands first in the citation in the text, with the comma."""
    names = [name.short for name in (*facts.leads, *_apa_hosts(facts))]
    if not names:
        return _quoted(facts.title, ",")
    return f"{names[0]} et al.," if len(names) > 2 else f"{' & '.join(names)},"


def mla(facts: Facts) -> str:
    """`Nwosu, Calder. “A Warehouse.” Interview by Ada Ilves. Spinning Reserve, 12 Mar. 2024, …. Accessed 22 Nov. 2026.`

    The entry of the list, and below it the citation in the text, which has the time.
    """
    hosts = _mla_all([name.natural for name in facts.others])
    asked = _is_asked_by_hosts(facts)
    names = [name.natural if place else name.inverted for place, name in enumerate(facts.leads)]
    container = listed(
        _italic(facts.show),
        f"hosted by {hosts}" if hosts and not asked else "",
        day_first(facts.day, _MLA_MONTHS) if facts.day else "",
        _link(facts.url),
    )
    parts = [
        listed(_mla_all(names, after_inverted=True), _role(facts)),
        _quoted(facts.title, "."),
        f"Interview by {hosts}" if hosts and asked else "",
        container,
        f"Accessed {day_first(facts.accessed, _MLA_MONTHS)}" if facts.url else "",
    ]
    return f"{' '.join(_closed(part) for part in parts if part)}\n({_mla_in_text(facts)})"


def _mla_in_text(facts: Facts) -> str:
    """MLA writes times with their hours, and a comma only in front of words."""
    named = _mla_all([name.short for name in facts.leads]) or _quoted(facts.title, "")
    if facts.start_s is None:
        return named
    minutes, second = divmod(facts.start_s, 60)
    stamp = f"{minutes // 60:02}:{minutes % 60:02}:{second:02}"
    return f"{named}, ca. {stamp}" if facts.is_about else f"{named} {stamp}"


def _mla_all(names: Sequence[str], *, after_inverted: bool = False) -> str:
    """Two names are both given, of more the first."""
    comma = "," if after_inverted else ""
    if len(names) > 2:
        return f"{names[0]}{comma} et al."
    return f"{comma} and ".join(names)


def _is_asked_by_hosts(facts: Facts) -> bool:
    """Whether the hosts are the interviewers: of a guest, or of an interview that is no show's."""
    return facts.is_interview or facts.show is None


def _role(facts: Facts) -> str:
    """What a speaker is called behind the name; nothing where the interviewer, who stands further on, says enough."""
    if facts.leads and facts.role is Role.HOST:
        return _plural(_host(facts), facts.leads)
    return "guest" if facts.is_interview and facts.show and not facts.others else ""


def _host(facts: Facts) -> str:
    return "host" if facts.show else "interviewer"


def _undated(facts: Facts) -> str:
    if facts.day:
        return ""
    return f"accessed {_month_first(facts.accessed)}" if facts.url else "n.d."


def _plural(word: str, names: Sequence[object]) -> str:
    return f"{word}s" if len(names) > 1 else word


def _all(names: Sequence[str], conjunction: str = "and") -> str:
    """`A`, `A and B`, `A, B, and C`."""
    if len(names) < 3:
        return f" {conjunction} ".join(names)
    return f"{', '.join(names[:-1])}, {conjunction} {names[-1]}"


def _month_first(day: Day) -> str:
    if day.words or not day.month:
        return day.words or str(day.year)
    month = MONTHS[day.month - 1]
    return f"{month} {day.day}, {day.year}" if day.day else f"{month} {day.year}"


def day_first(day: Day, months: Sequence[str]) -> str:
    """`12 March 2024`, or as much of it as is known."""
    if day.words:
        return day.words
    parts = (str(day.day or ""), months[day.month - 1] if day.month else "", str(day.year))
    return " ".join(part for part in parts if part)


def _apa_day(day: Day | None) -> str:
    if day is None:
        return "n.d."
    if day.words or not day.month:
        return day.words or str(day.year)
    return f"{day.year}, {MONTHS[day.month - 1]} {day.day or ''}".rstrip()


def listed(*parts: str) -> str:
    """The parts that there are, with commas between them."""
    return ", ".join(part for part in parts if part)


def _quoted(title: str, stop: str) -> str:
    """A title in quotation marks, with the stop inside them, as is American use; quotations in it have single ones.

    >>> _quoted('From "F-Bomb" to "Photobomb"', ","), _quoted("Who Pays?", ".")
    ('“From ‘F-Bomb’ to ‘Photobomb,’”', '“Who Pays?”')
    """
    inner = _OPENING_QUOTE.sub("‘", title).translate(_DOUBLE_QUOTES)
    end = "’" if title.endswith(("”", '"')) else ""
    inner = inner.removesuffix(end)
    if stop == "." and inner.endswith((".", "?", "!")):
        stop = ""
    return f"“{inner}{stop}{end}”"


def _closed(text: str) -> str:
    """Text that ends with a full stop, if it does not end with a stop already."""
    return text if text.rstrip("".join(_MARKS) + "’”").endswith((".", "?", "!")) else f"{text}."


def _italic(text: str | None) -> str:
    return f"{_ITALIC}{text}{_ITALIC_END}" if text else ""


def _link(url: str | None) -> str:
    return f"{_LINK}{url}{_LINK_END}" if url else ""
