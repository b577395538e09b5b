"""HTML and XML to plain trees. The only file that imports lxml; its exceptions stop here.

XML with a document type (DTD) is refused unread: entities can be defined there that grow without end or fetch files.
Nothing is ever fetched, and what is nested deeper than 256 elements or holds 10 MB in one piece is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from indexer.clock import media_seconds
from indexer.errors import TranscriptError
from indexer.fields import one_line

_TAG_NAME = re.compile(r"<([A-Za-z_][\w.\-]{0,100})(?::([\w.\-]{1,100}))?(?=[\s/>])")
_CLOSING = r"</(?:[\w.\-]{{1,100}}:)?{}\s{{0,9}}>\s{{0,999}}\Z"
_OPEN = (("<!--", "-->"), ("<?", "?>"))


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """An element: names in small letters and without their namespaces, what is in it, and the line that opens it."""

    name: str
    attributes: Mapping[str, str]
    content: tuple[Node | str, ...]
    line: int

    @property
    def children(self) -> tuple[Node, ...]:
        return tuple(part for part in self.content if isinstance(part, Node))

    @property
    def text(self) -> str:
        """All text in it, in order, as it stands."""
        pieces: list[str] = []
        waiting: list[Node | str] = [self]
        while waiting:
            part = waiting.pop()
            if isinstance(part, str):
                pieces.append(part)
            else:
                waiting.extend(reversed(part.content))
        return "".join(pieces)

    @property
    def words(self) -> str:
        """All text in it, on one line."""
        return one_line(self.text)

    @property
    def parts(self) -> Iterator[Node]:
        """The elements in it, and its own pieces of text as elements called "#text"."""
        for part in self.content:
            if isinstance(part, Node):
                yield part
            elif part.strip():
                yield Node("#text", {}, (part,), self.line)

    def walk(self) -> Iterator[Node]:
        """It and every element in it, in the order of the file."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


def root_name(text: str) -> str | None:
    """The name of the first element, in small letters and without its namespace; None where none opens the text.

    >>> root_name('<?xml version="1.0"?><!-- by hand --><tt:TT xmlns:tt="x">'), root_name("Lena: <b>")
    ('tt', None)
    """
    start = _skip_prolog(text)
    if _is_doctype(text, start):
        start = _after_doctype(text, start)
    match = _TAG_NAME.match(text, start)
    return (match[2] or match[1]).casefold() if match else None


def is_xml(text: str) -> bool:
    """True for what declares itself as XML, or closes the element that opens it.

    >>> is_xml('<?xml version="1.0"?><a/>'), is_xml("<talk><p>Hi</p></talk>"), is_xml("<3 ferries")
    (True, True, False)
    """
    start = text.lstrip("\ufeff \t\n")[:5]
    return start == "<?xml" or re.search(_CLOSING.format(root_name(text)), text[-1000:], re.IGNORECASE) is not None


def parse_xml(text: str) -> Node:
    """The document as a tree.

    Raises:
        TranscriptError: it has a document type, or is not well-formed, or is nested too deeply.
    """
    start = _skip_prolog(text)
    if _is_doctype(text, start):
        raise TranscriptError(
            "a document type (<!DOCTYPE …>) is not read, for it can define text without end.",
            line=text.count("\n", 0, start) + 1,
            remedy="Remove it, and every &entity; that it defines.",
        )
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return _node(etree.fromstring(text.lstrip("\ufeff \n\t").encode(), parser))
    except etree.XMLSyntaxError as error:
        raise TranscriptError(
            f"broken XML: {_reason(str(error.msg))}.",
            line=(error.lineno or 1) + text[: len(text) - len(text.lstrip("\ufeff \n\t"))].count("\n"),
            remedy="Export the transcript again.",
        ) from error


def stamp(node: Node, *names: str) -> float | None:
    """The time, in seconds, that the first of these attributes states; None where there is none of them.

    Raises:
        TranscriptError: it is no timestamp.
    """
    stated = next(((name, node.attributes[name]) for name in names if node.attributes.get(name, "").strip()), None)
    if stated is None:
        return None
    try:
        return media_seconds(stated[1])
    except ValueError as error:
        raise TranscriptError(
            f"`{stated[0]}` of <{node.name}>: {error}.", line=node.line, remedy="Write times as HH:MM:SS.mmm."
        ) from error


def parse_html(text: str) -> Node:
    """The page as a tree, mended as a browser would. Comments are left out.

    Raises:
        TranscriptError: there is no element in it, or it is nested too deeply.
    """
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError:
        root = None
    fatal = next((error for error in parser.error_log if error.level_name == "FATAL"), None)
    if fatal is not None and "Document is empty" not in fatal.message:
        raise TranscriptError(
            f"broken HTML: {_reason(fatal.message)}.", line=fatal.line, remedy="Save the page again, or as text."
        )
    if root is None:
        raise TranscriptError("the page holds no elements.", remedy="Save the page again, or as text.")
    return _node(root)


def _skip_prolog(text: str) -> int:
    """Where, behind declarations and comments, the first element or the document type begins."""
    position = 0
    while position < len(text):
        if text[position].isspace() or text[position] == "\ufeff":
            position += 1
            continue
        end = next((end for opening, end in _OPEN if text.startswith(opening, position)), None)
        if end is None:
            break
        found = text.find(end, position)
        if found < 0:
            break
        position = found + len(end)
    return position


def _is_doctype(text: str, position: int) -> bool:
    return text[position : position + 9].casefold() == "<!doctype"


def _after_doctype(text: str, position: int) -> int:
    bracket, close = text.find("[", position), text.find(">", position)
    if -1 < bracket < close:
        close = text.find(">", max(text.find("]", bracket), bracket))
    return _skip_from(text, close + 1) if close >= 0 else len(text)


def _skip_from(text: str, position: int) -> int:
    return position + _skip_prolog(text[position : position + 20_000])


def _node(element: Any) -> Node:
    content: list[Node | str] = [element.text] if element.text else []
    for child in element:
        if isinstance(child.tag, str):
            content.append(_node(child))
        if child.tail:
            content.append(child.tail)
    attributes: dict[str, str] = {}
    for name, value in element.attrib.items():
        attributes.setdefault(_local(name), value)
    return Node(_local(element.tag), attributes, tuple(content), element.sourceline or 1)


def _local(name: str) -> str:
    return name.rpartition("}")[2].rpartition(":")[2].casefold()


def _reason(message: str) -> str:
    if "depth" in message:
        return "it is nested too deeply"
    if "limit" in message or "too long" in message:
        return "a single piece of it is longer than 10 MB"
    return re.sub(r", line \d{1,9}, column \d{1,9}$", "", message.strip()).rstrip(".")
