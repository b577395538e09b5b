r"""Labelled text: `Name: text` in plain text or Markdown, with or without times, front matter and headings.

    ---
    title: A title
    speakers: [Lena Ortiz, Omar Haddad]
    ---
    ## Opening

    Lena Ortiz: 00:00:20            or  Lena Ortiz (00:20): Good morning.
                                    or  [00:20] Lena Ortiz: Good morning.
    Good morning.                   or  Lena Ortiz – 00:00:20: Good morning.
    One sentence per line.          or  LENA ORTIZ: Good morning.

A paragraph without a label goes on in the last voice. `Q:` and `A:` are a question and an answer: turns of nobody
named, unless the metadata names one host and one guest. Links alone on their line, and what stands above the first
label, are no speech. Words under nobody's name are a transcript where the front matter says so, by naming speakers
or who transcribed it.
"""

from __future__ import annotations

from indexer.labelled import read, style_of
from indexer.types import Transcript


def recognises(text: str) -> bool:
    return style_of(text) == "labelled-text"


def parse(text: str) -> Transcript:
    return read(text)
