r"""Markdown without its markup, and where each of its signs stands in the draft.

    "It is *always* the [nurse](https://x.example)[^2], she&rsquo;ll say."      "It is always the nurse, she’ll say."

Code between fences, comments, pictures and what describes the file are left out. Quotation marks in code mark nothing.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

_TARGET = (
    r"""\([^()\s]{0,1000}(?:\([^()\s]{0,200}\)[^()\s]{0,1000})?(?:\s{1,9}(?:"[^"\n]{0,300}"|'[^'\n]{0,300}'))?\s?\)"""
)
_MARKUP = re.compile(
    r"(?P<front>\A---\n(?s:.*?)\n(?:---|\.\.\.)(?=\n|\Z))"
    r"|(?P<fenced>^[ ]{0,3}(?P<fence>`{3,}|~{3,})[^\n]*(?s:.*?)(?:^[ ]{0,3}(?P=fence)[^\n]*$|\Z))"
    r"|(?P<comment><!--(?s:.*?)(?:-->|\Z))"
    r"|(?P<ticks>`{1,2})(?P<code>[^`\n]{1,500})(?P=ticks)"
    r"|\\(?P<escaped>[\\`*_{}\[\]()#+\-.!<>~|$\"'])"
    rf"|(?P<image>!\[[^\[\]\n]{{0,500}}\]{_TARGET})"
    rf"|(?P<opened>\[(?=[^\[\]]{{1,500}}\]{_TARGET}))"
    rf"|(?P<closed>\]{_TARGET})"
    r"|(?P<note>\[\^[^\]\s]{1,50}\]:?)"
    r"|(?P<defined>^[ ]{0,3}\[[^\]\n]{1,100}\]:[ \t]*(?:<|https?:|/|\#)[^\n]*$)"
    r"|(?P<address><https?://[^<>\s]{1,2000}>)"
    r"|(?P<newline><br[ ]?/?>)"
    r"|(?P<quote></?q(?:[ ][^<>\n]{0,500})?>)"
    r"|(?P<tag></?[A-Za-z][A-Za-z0-9]{0,20}(?:[ ][^<>\n]{0,1000})?/?>)"
    r"|(?P<entity>&(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});)"
    r"|(?P<emphasis>(?<=\S)\*{1,3}|\*{1,3}(?=\S)|(?<![^\W_])_{1,3}(?=[^\s_])|(?<=[^\s_])_{1,3}(?![^\W_])|~~|==)"
    r"|(?P<small>(?<=[^\s\d⁰-⁹¹²³])[¹²³⁴⁵⁶⁷⁸⁹⁰]{1,3})",
    re.MULTILINE,
)
_SMALL = re.compile(r"(?P<small>(?<=[^\s\d⁰-⁹¹²³])[¹²³⁴⁵⁶⁷⁸⁹⁰]{1,3})")
_QUOTE_BLOCK = re.compile(r"<blockquote(?:[ ][^<>\n]{0,500})?>(?P<words>[^<]*(?:<(?!/?blockquote)[^<]*)*)</blockquote>")


@dataclass(frozen=True, slots=True)
class Bare:
    """A text without its markup. `at`: where each of its signs stands in the draft; None where both are the same."""

    text: str
    at: Sequence[int] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where a part of the text, not empty, stands in the draft."""
        return (start, end) if self.at is None else (self.at[start], self.at[end - 1] + 1)

    def place(self, at: int) -> int:
        """The first place of the text that does not stand before a place of the draft."""
        return at if self.at is None else bisect_left(self.at, at)


def bare_markdown(draft: str) -> Bare:
    """The words of a draft in Markdown, or in plain text, which is Markdown without markup."""
    return _without(_MARKUP, draft)


def bare_document(text: str) -> Bare:
    """The words of a document that was taken apart already; the small numbers of its notes are left out."""
    return _without(_SMALL, text)


def quote_blocks_in(draft: str) -> list[tuple[int, int]]:
    """Where <blockquote> elements stand in a draft in Markdown, without their tags."""
    return [match.span("words") for match in _QUOTE_BLOCK.finditer(draft)]


def _without(markup: re.Pattern[str], draft: str) -> Bare:
    pieces: list[str] = []
    at: list[int] = []
    position = 0
    for match in markup.finditer(draft):
        shown = _shown(match)
        if shown == match[0]:
            continue
        pieces += (draft[position : match.start()], shown)
        at += range(position, match.start())
        inside = match.start("code") if match.lastgroup == "code" else None
        at += [match.start() if inside is None else inside + i for i in range(len(shown))]
        position = match.end()
    if not pieces:
        return Bare(draft, None)
    pieces.append(draft[position:])
    at += range(position, len(draft))
    return Bare("".join(pieces), at)


def _shown(match: re.Match[str]) -> str:
    """What a reader sees of a piece of markup."""
    kind = match.lastgroup
    if kind in ("front", "fenced"):
        return "\n\n"
    if kind == "code":
        return re.sub(r"[\"“”«»]", " ", match["code"])
    if kind == "escaped":
        return match["escaped"]
    if kind == "newline":
        return "\n"
    if kind == "quote":
        return "”" if match[0].startswith("</") else "“"
    if kind == "entity":
        return html.unescape(match[0])
    if kind == "tag" and re.match(r"</?(?:p|div|li|h\d|blockquote)\b", match[0]):
        return "\n\n"
    return ""
