"""Saved web pages: what they state of the episode, and which of their elements are no part of the words.

Title, show, date and address come from the head (Open Graph, JSON-LD, <title>, canonical link) or the first <h1>.
Navigation, footers, forms, side columns, share buttons, comments and the like are furniture, unless an element that is
called so holds much of the page: some sites wrap all of it in a <form>, or call the article's box "with-sidebar".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from indexer.fields import one_line
from indexer.trees import Node, parse_html, root_name
from indexer.types import Transcript

_PAGE = frozenset(
    "html head body title meta main article section div p span b strong cite time h1 h2 h3 h4 h5 h6 ul ol dl table"
    " blockquote br".split()
)
NO_TEXT = frozenset(
    "script style template noscript head svg math iframe object canvas audio video select option".split()
)
HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
BLOCKS = frozenset(
    "address article aside blockquote body br caption center dd details div dl dt fieldset figcaption figure footer"
    " form header hr html li main nav ol p pre section summary table tbody td tfoot th thead tr ul".split()
)
_FURNITURE = frozenset("nav footer aside form button dialog menu".split())
_FURNITURE_ROLES = frozenset("navigation banner contentinfo complementary search dialog alert".split())
_FURNITURE_WORDS = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|menu|sidebar|footer|comments?|related|share|sharing|social|subscribe|newsletter|cookies?"
    r"|consent|breadcrumbs?|pagination|pager|promo|adverts?|ads?|banner|popup|modal|toolbar|search|login|signup|tags"
    r"|recommended|recommendations|widgets?|skip-link|screen-reader-text|sr-only)(?:$|[\s_-])",
    re.IGNORECASE,
)
_SENTENCES = frozenset(("p", "li", "td", "dd", "blockquote"))
_MOST_OF_FURNITURE = 0.25
_SAVED_FROM = re.compile(r"<!--\s{0,9}saved from url=\(\d{1,5}\)(https?://\S{1,2000}?)\s{0,9}-->")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?=[T\s]|\Z)")
_TITLES = ("og:title", "twitter:title", "dc.title")
_DATES = ("article:published_time", "og:published_time", "datepublished", "date", "dc.date", "pubdate", "publish_date")


@dataclass(frozen=True, slots=True)
class Page:
    """A page's elements, and what its head states of the episode."""

    body: Node
    title: str | None
    show: str | None
    date: str | None
    url: str | None
    language: str | None
    is_furniture: frozenset[int]
    """The `id` of each element that is no part of the words."""

    def complete(self, transcript: Transcript) -> Transcript:
        """The transcript with what the head states, which wins over what was found in the words."""
        return replace(
            transcript,
            title=self.title or transcript.title,
            show=self.show or transcript.show,
            date=self.date or transcript.date,
            url=self.url or transcript.url,
            language=self.language or transcript.language,
        )


def is_page(text: str) -> bool:
    """True for HTML: a whole page, or a piece of one."""
    return root_name(text) in _PAGE


def read_page(text: str) -> Page:
    """A page's elements and facts.

    Raises:
        TranscriptError: it holds no element, or is nested too deeply.
    """
    root = parse_html(text)
    nodes = list(root.walk())
    meta = _meta(nodes)
    linked = list(_linked_data(nodes))
    headings = [node.words for node in nodes if node.name == "h1" and node.words]
    titles = [node.words for node in nodes if node.name == "title" and node.words]
    site = meta.get("og:site_name")
    title = next(filter(None, (meta.get(name) for name in _TITLES)), None) or _first(titles) or _first(headings)
    body = next((node for node in root.children if node.name == "body"), root)
    return Page(
        body=body,
        title=_without_site(title, site),
        show=_first(_series(linked)) or site,
        date=_date([*(meta.get(name) for name in _DATES), *_values(linked, "datePublished"), *_times(nodes)]),
        url=_canonical(nodes) or meta.get("og:url") or _first(_SAVED_FROM.findall(text[:2000])),
        language=root.attributes.get("lang") or None,
        is_furniture=frozenset(_furniture(body)),
    )


def _first(values: Sequence[str]) -> str | None:
    return values[0] if values else None


def _meta(nodes: Sequence[Node]) -> dict[str, str]:
    """What <meta> elements state, by their names in small letters."""
    stated: dict[str, str] = {}
    for node in nodes:
        if node.name == "meta":
            about = node.attributes
            name = about.get("property") or about.get("name") or about.get("itemprop") or ""
            value = one_line(about.get("content", ""))
            if name and value:
                stated.setdefault(name.casefold(), value)
    return stated


def _linked_data(nodes: Sequence[Node]) -> Iterator[Mapping[str, Any]]:
    """The objects of JSON-LD; what is broken states nothing."""
    for node in nodes:
        if node.name == "script" and node.attributes.get("type", "").casefold() == "application/ld+json":
            try:
                waiting = [json.loads(node.text)]
            except (ValueError, RecursionError):
                continue
            while waiting:
                value = waiting.pop()
                if isinstance(value, list):
                    waiting += reversed(value)
                elif isinstance(value, dict):
                    yield value
                    waiting.append(value.get("@graph"))


def _values(objects: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    return [value for entry in objects if isinstance(value := entry.get(key), str) and value.strip()]


def _series(objects: Sequence[Mapping[str, Any]]) -> list[str]:
    series = [value for entry in objects if isinstance(value := entry.get("partOfSeries"), dict)]
    return _values(series, "name")


def _date(stated: Sequence[str | None]) -> str | None:
    return next((match.group() for value in stated if value and (match := _DAY.match(value))), None)


def _times(nodes: Sequence[Node]) -> list[str]:
    """The day of the page's <time> elements, if they agree; those in sentences are of something else."""
    in_sentences = {id(inner) for node in nodes if node.name in _SENTENCES for inner in node.walk()}
    times = (node for node in nodes if node.name == "time" and id(node) not in in_sentences)
    days = {day.group() for node in times if (day := _DAY.match(node.attributes.get("datetime", "")))}
    return list(days) if len(days) == 1 else []


def _canonical(nodes: Sequence[Node]) -> str | None:
    links = (node.attributes for node in nodes if node.name == "link")
    found = (link.get("href", "").strip() for link in links if "canonical" in link.get("rel", "").casefold().split())
    return next((href for href in found if href.startswith(("http://", "https://"))), None)


def _without_site(title: str | None, site: str | None) -> str | None:
    """A title without the site's name behind it."""
    if title and site and title.endswith(site):
        shorter = re.sub(r"\s{0,9}[|–—·:-]\s{0,9}\Z", "", title[: -len(site)])
        return shorter or title
    return title


def _furniture(root: Node) -> Iterator[int]:
    words: dict[int, int] = {}
    most = _MOST_OF_FURNITURE * _count_words(root, words)
    buttons_speak = sum(words[id(node)] for node in root.walk() if node.name == "button") > most
    for node in root.walk():
        kept = words[id(node)] > most or (buttons_speak and node.name == "button")
        if node.name in NO_TEXT or (_looks_like_furniture(node) and not kept):
            yield id(node)


def _count_words(node: Node, words: dict[int, int]) -> int:
    """Notes for each element how many words it shows."""
    shown = (len(part.split()) if isinstance(part, str) else _count_words(part, words) for part in node.content)
    total = sum(shown)
    words[id(node)] = 0 if node.name in NO_TEXT else total
    return words[id(node)]


def _looks_like_furniture(node: Node) -> bool:
    about = node.attributes
    if node.name in _FURNITURE or about.get("role", "").casefold() in _FURNITURE_ROLES:
        return True
    names = f"{about.get('class', '')} {about.get('id', '')}"
    return node.name not in ("html", "body", "main", "article") and _FURNITURE_WORDS.search(names) is not None
