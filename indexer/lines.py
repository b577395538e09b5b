r"""The lines of a page of text, and what Markdown puts around the words.

    ## Opening                      a heading: level 2, "Opening"
    > - She said it twice.          words: quote and list signs are no words; the "1." of a numbered list stays
    ***                             dropped: a rule
    {{< youtube id >}}              dropped: a shortcode, wherever it stands
    <!-- cut this -->               dropped: a comment that begins a line, to its end
    ```                             dropped: a block of code, unless somebody speaks in it
    ![A map](map.png)               dropped: an image alone on its line
    <div class="box">               dropped: tags alone on their line
    [^1]: See the paper.            dropped: a footnote; the "[^1]" in the words goes too
    [paper]: https://example.org    dropped: a link's definition

Words are left as they are spelled: `spoken` makes words of them. In plain text, rules alone are no words.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from indexer.clock import CLOCK, seconds
from indexer.heads import read_head
from indexer.labels import is_label
from indexer.markup import plain, spaces, unescape
from indexer.types import Dropped, TimeMark

_MARKDOWN = re.compile(
    r"^[ \t]{0,3}(?:>[ \t]?)?(?:\\?[\[(][\d:.]{3,12}\\?[\])][ \t]*)?(?:#{1,6}[ \t]+\S|(?:\*{1,3}|_{1,3})[^\s*_][^*\n]{0,100}[*_]|\{\{[<%])|\]\(https?://",
    re.MULTILINE,
)
_HEADING = re.compile(r"(?P<level>#{1,6})[ \t]+(?P<text>\S.{0,300}?)(?:[ \t]+#{1,6})?$")
_UNDERLINE = re.compile(r"={3,}$")
_RULE = re.compile(r"(?:[-*_=~][ \t]?){3,}$")
_SHORTCODE = re.compile(r"\{\{[<%][^\n{}]{0,500}[>%]\}\}")
_CONTAINER = re.compile(r"(?:>[ \t]?|[-*+•][ \t]+)+")
_NUMBERED = re.compile(r"\d{1,3}[.)]\s")
_FENCE = re.compile(r"(?:`{3,}|~{3,})[^`\n]{0,100}$")
_TAGS = re.compile(r"(?:</?[a-zA-Z][a-zA-Z0-9]{0,20}(?:\s[^<>\n]{0,1000})?/?>\s*)+$")
_IMAGE = re.compile(r"(?:\[?!\[[^\]\n]{0,500}\]\([^)\n]{0,2000}\)(?:\]\([^)\n]{0,2000}\))?\s*)+$")
_FOOTNOTE = re.compile(r"\[\^[^\]\n]{1,60}\]:")
_LINK_DEFINITION = re.compile(r"\[[^\]\n]{1,200}\]:\s*<?(?:https?:|mailto:|/|#|\.)")
_FOOTNOTE_MARK = re.compile(r"(?<!\\)\[\^[^\]\n]{1,60}\]")
_LINE_BREAK = re.compile(r"(?<!\\)<br\s{0,3}/?>|\\$", re.IGNORECASE)
_TIME = re.compile(rf"\\{{0,3}}\[\s?\\{{0,3}}({CLOCK})\s?\\{{0,3}}\](?:\(https?://[^()\[\]\s]{{1,2000}}\))?")
_LEADING_TIME = re.compile(rf"\(({CLOCK})\)\s+")
_CLOSING = (".", ",", ";", ":", "!", "?", "…")


class Line(NamedTuple):
    """A line that is not blank. `opens`: a blank line, or what is no words, stands above it. `level`: of a heading."""

    number: int
    text: str
    opens: bool = True
    level: int = 0


def is_markdown(text: str) -> bool:
    """True for text with headings, emphasis that opens a line, links, or shortcodes; plain text is left as it is."""
    return _MARKDOWN.search(text) is not None


def read_lines(body: str, first: int, *, markdown: bool) -> tuple[list[Line], list[Dropped]]:
    """The lines that are not blank, the first numbered `first`, and what is no words."""
    raw = body.lstrip("\ufeff").split("\n")
    dropped: list[Dropped] = []
    if markdown:
        _drop_blocks(raw, first, dropped)
    lines: list[Line] = []
    opens = True
    for number, content in enumerate(raw, first):
        text = content.strip()
        if markdown and text:
            text = _without_shortcodes(text, number, dropped)
        reason = _no_words(text, markdown) if text else None
        if markdown and text and not opens and _UNDERLINE.match(text) and _is_title(lines[-1]):
            lines[-1] = lines[-1]._replace(level=1)
        elif reason:
            dropped.append(Dropped(reason, number, text))
        elif text and (line := _line(number, text, opens) if markdown else Line(number, text, opens)).text:
            lines.append(line)
            opens = False
            continue
        opens = True
    return lines, dropped


def spoken(text: str, *, markdown: bool) -> tuple[str, tuple[TimeMark, ...]]:
    r"""The words of a line, and its times as marks at the places where they stood.

    >>> spoken(r"We *really* did. \[08:15\] So.", markdown=True)
    ('We really did. So.', (TimeMark(char=15, seconds=495.0),))
    """
    leading = _LEADING_TIME.match(text)
    if leading:
        text = f"[{leading[1]}]{text[leading.end() :]}"
    pieces = _TIME.split(text)
    said = _words(pieces[0], markdown)
    marks: list[TimeMark] = []
    for stamp, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        following = _words(piece, markdown)
        if said and following and not piece.startswith(_CLOSING):
            said += " "
        marks.append(TimeMark(len(said), seconds(stamp)))
        said += following
    return said, tuple(marks)


def _is_title(line: Line) -> bool:
    """True for a line that an underline makes a heading: a paragraph of its own that nobody says."""
    return line.opens and len(line.text) <= 120 and read_head(line.text) is None


def _words(piece: str, markdown: bool) -> str:
    if not markdown:
        return spaces(unescape(piece))
    if "[^" in piece:
        piece = _FOOTNOTE_MARK.sub("", piece)
    if "<" in piece or piece.endswith("\\"):
        piece = _LINE_BREAK.sub(" ", piece)
    return plain(piece)


def _line(number: int, text: str, opens: bool) -> Line:
    container = _CONTAINER.match(text)
    if container:
        text, opens = text[container.end() :], opens or container.group().strip("> \t") != ""
    heading = _HEADING.match(text)
    if heading:
        return Line(number, heading["text"], opens, len(heading["level"]))
    return Line(number, text, opens or _NUMBERED.match(text) is not None)


def _no_words(text: str, markdown: bool) -> str | None:
    """Why a line holds no words, if it holds none."""
    if _RULE.match(text):
        return "rule"
    if not markdown:
        return None
    if _FENCE.match(text):
        return "code fence"
    if text[0] == "<" and _TAGS.match(text):
        return "markup"
    if text[0] in "![" and _IMAGE.match(text):
        return "image"
    if text[0] == "[" and _FOOTNOTE.match(text):
        return "footnote"
    if text[0] == "[" and _LINK_DEFINITION.match(text):
        return "link definition"
    return None


def _without_shortcodes(text: str, number: int, dropped: list[Dropped]) -> str:
    if "{{" not in text:
        return text
    dropped += (Dropped("shortcode", number, code) for code in _SHORTCODE.findall(text))
    return _SHORTCODE.sub("", text).strip()


def _drop_blocks(raw: list[str], first: int, dropped: list[Dropped]) -> None:
    """Empties the lines of comments that begin a line and of blocks of code, where they end at all."""
    last_comment = max((i for i, line in enumerate(raw) if "-->" in line), default=-1)
    fences = [i for i, line in enumerate(raw) if _FENCE.match(line.strip())]
    closing = dict(zip(fences[::2], fences[1::2], strict=False))
    index = 0
    while index < len(raw):
        end = index
        if index in closing:
            end = closing[index]
            if _somebody_speaks(raw[index + 1 : end]):
                end = index
            else:
                dropped.append(Dropped("code", index + first, "\n".join(raw[index : end + 1])))
                raw[index : end + 1] = [""] * (end + 1 - index)
        elif index <= last_comment and raw[index].lstrip().startswith("<!--"):
            end = next(i for i in range(index, len(raw)) if "-->" in raw[i])
            comment, close, rest = "\n".join(raw[index : end + 1]).partition("-->")
            dropped.append(Dropped("comment", index + first, comment.strip() + close))
            raw[index : end + 1] = [*[""] * (end - index), rest]
        index = end + 1


def _somebody_speaks(lines: list[str]) -> bool:
    heads = (read_head(line.strip()) for line in lines)
    return any(head and is_label(head.label) for head in heads)
