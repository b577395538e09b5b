"""Citations ready to paste: for a quote, the reference that a style asks for.

| style | what `cite` gives |
| --- | --- |
| `markdown` | the quote as a block quote, and below it who said it, where, and when |
| `chicago` | a note (Chicago Manual of Style, 18th edition) |
| `apa` | an entry of the reference list, and below it the citation in the text (APA Style, 7th edition) |
| `mla` | an entry of the works cited, and below it the citation in the text (MLA Handbook, 9th edition) |
| `bibtex` | a `@misc` record, for BibTeX and for biblatex |
| `csl-json` | an item for Zotero, Pandoc, Citation.js and other citation processors |

Nothing is invented: what is not known is left out, or is "n.d." where a style wants that. An episode of a show is
taken for one of a podcast. Titles keep their capitals, because which of them belong to names is not known.

The styles are written in this project because no library serves. citeproc-py 0.11, the CSL processor written in
Python, fails on items with a `host`, shortens given names where Chicago and MLA do not, prints the title twice where
nobody is named, puts commas behind quotation marks, and takes 7 to 70 ms for a reference. Pandoc does it well, as a
program of its own. The forms are those of the manuals' own examples of podcasts and interviews, compared with what
Pandoc makes of our CSL-JSON with the official CSL styles.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from indexer.types import Role
from service.cited import Cited, Facts, facts_of, without_controls
from service.reference_records import bibtex, csl_json
from service.reference_styles import MARKED, MONTHS, apa, chicago, day_first, listed, mla

__all__ = ["Cited", "Markup", "Run", "Style", "cite", "runs"]

_MARKDOWN_SIGNS = re.compile(r"[\\`*_\[\]<~^@]|&(?=#?\w{1,40};)")
_MARKDOWN_LINE_START = re.compile(r"\d{1,9}(?=[.)](?:\s|$))|(?=[#+=:>-])")


class Style(StrEnum):
    MARKDOWN = "markdown"
    CHICAGO = "chicago"
    APA = "apa"
    MLA = "mla"
    BIBTEX = "bibtex"
    CSL_JSON = "csl-json"


class Markup(StrEnum):
    """How Chicago, APA and MLA write italics and addresses: as plain text, Markdown or HTML."""

    PLAIN = "plain"
    MARKDOWN = "markdown"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a reference that is written alike. `link`: the address that it shows."""

    text: str
    italic: bool
    link: str | None


_WRITERS: dict[Style, Callable[[Facts], str]] = {Style.CHICAGO: chicago, Style.APA: apa, Style.MLA: mla}


def cite(cited: Cited, style: Style, markup: Markup = Markup.PLAIN) -> str | dict[str, Any]:
    """The reference for a quote, ready to paste: a dictionary for `csl-json`, text for every other style.

    Args:
        markup: for Chicago, APA and MLA; the others have their own.
    """
    facts = facts_of(cited)
    if style is Style.CSL_JSON:
        return csl_json(facts)
    if style is Style.BIBTEX:
        return bibtex(facts)
    if style is Style.MARKDOWN:
        return _markdown(cited.text, facts)
    return _marked_up(_WRITERS[style](facts), markup)


def runs(cited: Cited, style: Style) -> list[list[Run]]:
    """A reference in Chicago, APA or MLA, line by line, for documents that have italics and links of their own."""
    return [
        [
            Run(match[match.lastgroup or 0], match["italic"] is not None, match["link"])
            for match in MARKED.finditer(line)
        ]
        for line in _WRITERS[style](facts_of(cited)).split("\n")
    ]


def _markdown(text: str, facts: Facts) -> str:
    """A block quote and, outside of it because these words are not the speaker's, where it comes from.

    Paragraphs stay, and a sign that Markdown would take for its own is escaped, so that it is shown as it was said.
    """
    lines = [line.strip() for line in map(without_controls, text.splitlines()) if line.strip()]
    quoted = "\n>\n".join(f"> {_escaped_line(line)}" for line in lines)
    speaker = _escaped(facts.speaker.whole) if facts.speaker else ""
    title = f"*{_escaped(facts.title)}*"
    if facts.url:
        title = f"[{title}]({facts.url.replace('(', '%28').replace(')', '%29')})"
    source = listed(
        f"{speaker} (host)" if speaker and facts.role is Role.HOST else speaker,
        title,
        _escaped(facts.show or ""),
        _escaped(day_first(facts.day, MONTHS)) if facts.day else "",
        f"at {facts.at}" if facts.at else "",
    )
    return f"{quoted}\n\n— {source}"


def _escaped(text: str) -> str:
    return _MARKDOWN_SIGNS.sub(r"\\\g<0>", text)


def _escaped_line(line: str) -> str:
    """Escaped also where it begins like a list, a heading or a rule."""
    start = _MARKDOWN_LINE_START.match(line)
    return f"{start[0]}\\{_escaped(line[start.end() :])}" if start else _escaped(line)


def _marked_up(text: str, markup: Markup) -> str:
    """A reference with its italics and addresses written out."""
    plain, italic, link, line_break = _NOTATIONS[markup]
    pieces = [
        italic(match["italic"]) if match["italic"] else link(match["link"]) if match["link"] else plain(match["plain"])
        for match in MARKED.finditer(text)
    ]
    return "".join(pieces).replace("\n", line_break)


_Write = Callable[[str], str]
# How words, words in italics, addresses and ends of lines are written.
_NOTATIONS: dict[Markup, tuple[_Write, _Write, _Write, str]] = {
    Markup.PLAIN: (str, str, str, "\n"),
    Markup.MARKDOWN: (_escaped_line, lambda text: f"*{_escaped(text)}*", lambda url: f"<{url}>", "\n\n"),
    Markup.HTML: (
        lambda text: html.escape(text, quote=False),
        lambda text: f"<i>{html.escape(text, quote=False)}</i>",
        lambda url: f'<a href="{html.escape(url)}">{html.escape(url, quote=False)}</a>',
        "<br>\n",
    ),
}
