"""The RSS feed of a podcast, saved in the folder of its transcripts as `*.rss` or `*.xml`.

    <rss><channel><title>Second Opinion</title>
      <item><title>Left Shoes</title><pubDate>Thu, 04 Apr 2024 06:00:00 +0000</pubDate>
        <link>https://second-opinion.example.org/left-shoes</link><itunes:duration>41:30</itunes:duration>
        <podcast:person role="guest">Desmond Achterloo</podcast:person></item>
    </channel></rss>

An item belongs to the transcript that is called as its audio, its page, its transcript or its id; failing that, as its
number in a file that bears the show's name; failing that, as its title, among other words. Dates and durations that
cannot be read are left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from indexer.errors import TranscriptError
from indexer.labels import is_label
from indexer.listings import Entry, Keys, Listing
from indexer.markup import unescape
from indexer.metadata import read_duration
from indexer.trees import Node, parse_xml, root_name

SUFFIXES = (".rss", ".xml")
_WEB = ("http://", "https://")
_LOCATED = {"enclosure": "url", "transcript": "url", "content": "url"}
_ROLES = {"host": "hosts", "co-host": "hosts", "cohost": "hosts", "guest": "guests", "guest host": "hosts"}
_WORD = re.compile(r"[^\W_]+")
_DATE = re.compile(r"(?:19|20)\d{2}[-_.]?\d{2}[-_.]?\d{2}")
_NUMBER = re.compile(r"\d{1,5}")
_NUMBER_FIRST = re.compile(r"(?:(?:episode|ep)[ .]{0,2})?#?\d{1,5}\s?[:.\-–—|]\s?", re.IGNORECASE)
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")
_SHORTEST_TITLE = 6
_MOST_WORDS = 40


def is_feed(beginning: bytes) -> bool:
    """Whether the first bytes of a file open a feed."""
    return root_name(beginning.decode(errors="replace")) == "rss"


def read_feed(text: str) -> Listing:
    """What the feed states.

    Raises:
        TranscriptError: it is broken, or no feed of a show.
    """
    root = parse_xml(text)
    channel = _first(root, "channel")
    if channel is None:
        raise TranscriptError("the feed has no <channel>.", line=root.line, remedy="Save the feed again.")
    show = _words(channel, "title")
    entries = tuple(_entry(item, channel, show) for item in channel.children if item.name == "item")
    return Listing(entries, partial(_keys_of, show=_slug(show or "")))


def _entry(item: Node, channel: Node, show: str | None) -> Entry:
    title = _words(item, "title")
    number = _words(item, "episode") or ""
    titles = {_slug(title), _slug(_NUMBER_FIRST.sub("", title, count=1))} if title else set()
    keys = (
        frozenset(_called(item)),
        frozenset({str(int(number))} if number.isdigit() and len(number) < 6 else ()),
        frozenset(words for words in titles if len(words) >= _SHORTEST_TITLE),
    )
    return Entry(f"{title or 'an item'} (line {item.line})", _metadata(item, channel, title, show), keys)


def _metadata(item: Node, channel: Node, title: str | None, show: str | None) -> dict[str, Any]:
    link = _words(item, "link")
    stated: dict[str, Any] = {
        "title": title,
        "show": show,
        "date": _date(_words(item, "pubdate") or ""),
        "url": link if link and link.startswith(_WEB) else None,
        "duration": _duration(_words(item, "duration") or ""),
        "language": _words(channel, "language"),
        **_people(item, channel),
    }
    return {key: value for key, value in stated.items() if value}


def _people(item: Node, channel: Node) -> dict[str, list[str]]:
    """Who is named, by the keys of metadata. Those of an item stand in the place of the show's."""
    found: dict[str, list[str]] = {}
    for person in _all(item, "person") or _all(channel, "person"):
        role = person.attributes.get("role", "host").strip().casefold()
        if person.words:
            found.setdefault(_ROLES.get(role, "speakers"), []).append(person.words)
    author = _words(item, "author") or _words(channel, "author")
    if author and " " in author and is_label(author):
        found.setdefault("speakers", []).append(author)
    return found


def _date(text: str) -> str | None:
    try:
        return parsedate_to_datetime(text).date().isoformat()
    except (ValueError, TypeError, IndexError):
        return None


def _duration(text: str) -> str | None:
    return text if read_duration(text) else None


def _called(item: Node) -> Iterator[str]:
    """The names that addresses in an item end with."""
    for child in item.children:
        address = child.attributes.get(_LOCATED[child.name], "") if child.name in _LOCATED else ""
        if child.name in ("link", "guid"):
            address = child.words
        if slug := _slug(_SUFFIX.sub("", _last_part(address))):
            yield slug


def _last_part(address: str) -> str:
    try:
        path = urlsplit(address).path if "://" in address else address
    except ValueError:
        return ""
    return PurePosixPath(unquote(path)).name


def _keys_of(path: PurePosixPath, *, show: str) -> Keys:
    stem = _slug(path.stem)
    numbers = _NUMBER.findall(_DATE.sub(" ", path.stem))
    bears_show = show and f"-{show}-" in f"-{_slug(str(path.with_suffix('')))}-"
    words = stem.split("-")[:_MOST_WORDS]
    runs = {"-".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, len(words) + 1)}
    number = frozenset({str(int(numbers[0]))} if bears_show and len(numbers) == 1 else ())
    return frozenset({stem}), number, frozenset(runs)


def _slug(text: str) -> str:
    """The words of a text in small letters, without accents, joined by hyphens."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return "-".join(_WORD.findall(plain.casefold()))


def _first(node: Node, name: str) -> Node | None:
    return next((child for child in node.children if child.name == name), None)


def _all(node: Node, name: str) -> list[Node]:
    return [child for child in node.children if child.name == name]


def _words(node: Node, name: str) -> str | None:
    """What the first child of a name says."""
    child = _first(node, name)
    return unescape(child.words) or None if child else None
