"""Marked-up text to the words that were spoken.

Removes what a page adds to the words (emphasis, links, escapes, entities), never a word.
"""

from __future__ import annotations

import html
import re

_IMAGE = re.compile(r"!\[([^\]\n]{0,500})\]\([^)\s]{1,2000}\)")
_LINK = re.compile(r"\[([^\]\n]{1,500})\]\([^)\s]{1,2000}\)")
_AUTOLINK = re.compile(r"<(https?://[^>\s]{1,2000})>")
_EMPHASIS = re.compile(r"(?<![\w*\\])(\*{1,3})(?=\S)([^*\n]{1,2000}?)(?<=\S)\1(?![\w*])")
_UNDERSCORED = re.compile(r"(?<![\w\\])(_{1,2})(?=\S)([^_\n]{1,2000}?)(?<=\S)\1(?!\w)")
_CODE = re.compile(r"`([^`\n]{1,2000})`")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!<>~|$])")
_SPACES = re.compile(r"[^\S\n]+")


def plain(markdown: str) -> str:
    r"""The words of a piece of Markdown.

    >>> plain(r"We *really* use [PlantVillage](https://x.example/p) \[laughs\] &#39;daily&#39;")
    "We really use PlantVillage [laughs] 'daily'"
    """
    text = _IMAGE.sub(r"\1", markdown)
    text = _LINK.sub(r"\1", text)
    text = _AUTOLINK.sub(r"\1", text)
    text = _CODE.sub(r"\1", text)
    text = _EMPHASIS.sub(r"\2", text)
    text = _UNDERSCORED.sub(r"\2", text)
    text = _ESCAPE.sub(r"\1", text)
    return spaces(html.unescape(text))


def spaces(text: str) -> str:
    """Runs of blanks as one space, none at the ends."""
    return _SPACES.sub(" ", text).strip()
