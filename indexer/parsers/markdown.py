r"""Markdown with emphasised names: `**Name:** text`, further paragraphs without a label, `## Section`, front matter.

    ---
    title: A title
    date: 2024-05-14
    ---
    ## Opening

    **Lena Ortiz:** Good morning. \[00:12\] A stamp in mid-sentence is a time, not a word.

    > A quote that she reads, a [link](https://example.org) and *stress* are her words, without their signs.

    **Break:** \[08:15\]

`**Name**:`, `__Name:__` and `*Name:* text` are labels too; a heading never is one. Breaks, rules, comments, shortcodes,
images, code and footnotes are no speech (see `indexer.lines`).
"""

from __future__ import annotations

from indexer.labelled import read, style_of
from indexer.types import Transcript


def recognises(text: str) -> bool:
    return style_of(text) == "markdown"


def parse(text: str) -> Transcript:
    return read(text)
