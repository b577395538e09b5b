r"""Otter exports: `Name  0:00` above the words, also with the name in bold and the time in brackets.

Lena Ortiz  0:00                **Lena Ortiz**  0:00            **Lena Ortiz** [0:00] Good morning.
Good morning.                   Good morning.

Unknown Speaker  0:07           An unknown speaker is nobody named.
Morning.

Transcribed by https://otter.ai     This last line is no speech.
"""

from __future__ import annotations

from indexer.labelled import read, style_of
from indexer.types import Transcript


def recognises(text: str) -> bool:
    return style_of(text) == "otter"


def parse(text: str) -> Transcript:
    return read(text)
