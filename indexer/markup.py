"""Marked-up text to the words that were spoken.

Removes what a page adds to the words (emphasis, links, escapes, entities), never a word.
"""

from __future__ import annotations

import html
import re

_TARGET = r"""\((?:[^()\s]|\([^()\s]{0,500}\)){1,2000}(?:[ \t]+"[^"\n]{0,500}")?\)"""
_MARKUP = re.compile(r"[\\\[<`*_&]")
_IMAGE = re.compile(rf"!\[([^\[\]\n]{{0,500}})\]{_TARGET}")
_LINK = re.compile(rf"\[([^\[\]\n]{{1,500}})\]{_TARGET}")
_AUTOLINK = re.compile(r"<(https?://[^<>\s]{1,2000})>")
_EMPHASIS = re.compile(r"(?<![\w*\\])(\*{1,3})(?=\S)([^*\n]{1,2000}?)(?<=\S)\1(?![\w*])")
_UNDERSCORED = re.compile(r"(?<![\w\\])(_{1,2})(?=\S)([^_\n]{1,2000}?)(?<=\S)\1(?!\w)")
_CODE = re.compile(r"`([^`\n]{1,2000})`")
_ESCAPABLE = "\\`*_{}[]()#+-.!<>~|$"
_ESCAPE = re.compile(rf"\\([{re.escape(_ESCAPABLE)}])")
# Escaped signs wait as code points that no text may use, so that they are not read as markup.
_HIDDEN = {sign: chr(0xFDD0 + place) for place, sign in enumerate(_ESCAPABLE)}
_HIDING = str.maketrans(_HIDDEN)
_SHOWN = str.maketrans({hidden: sign for sign, hidden in _HIDDEN.items()})
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_SPACES = re.compile(r"[^\S\n]+")
_NOT_TEXT = re.compile(r"[\0\ud800-\udfff]")


def plain(markdown: str) -> str:
    r"""The words of a piece of Markdown.

    >>> plain(r"We *really* use [PlantVillage](https://x.example/p) \[laughs\] &#39;daily&#39;")
    "We really use PlantVillage [laughs] 'daily'"
    """
    if not _MARKUP.search(markdown):
        return spaces(markdown)
    text = _ESCAPE.sub(lambda match: _HIDDEN[match[1]], markdown)
    text = _CODE.sub(lambda match: match[1].translate(_HIDING), text)
    text = _IMAGE.sub(r"\1", text)
    text = _LINK.sub(r"\1", text)
    text = _AUTOLINK.sub(r"\1", text)
    text = _EMPHASIS.sub(r"\2", text)
    text = _UNDERSCORED.sub(r"\2", text)
    return spaces(unescape(text).translate(_SHOWN))


def unescape(text: str) -> str:
    """Entities as what they stand for; an ampersand without a semicolon is an ampersand.

    >>> unescape("it&#39;s R&amp;D, not copy&section")
    "it's R&D, not copy&section"
    """
    return _ENTITY.sub(lambda match: html.unescape(match.group()), text) if "&" in text else text


def spaces(text: str) -> str:
    """Runs of blanks as one space, none at the ends; what no UTF-8 text can hold as U+FFFD."""
    if text.isascii() and text.isprintable() and "  " not in text:  # as nearly every text is
        return text.strip()
    return _SPACES.sub(" ", _NOT_TEXT.sub("\ufffd", text)).strip()
