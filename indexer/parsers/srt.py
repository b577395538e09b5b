"""SubRip: numbered cues with `Name:` in front where the speaker changes, or no names at all.

    1
    00:00:01,000 --> 00:00:04,000
    Lena Ortiz (host): What made you
    change your mind?

    2
    00:00:04,250 --> 00:00:05,000
    Omar: The ice. It came early.
    Lena Ortiz (host): How early?

Numbers may be missing, a dot may stand for the comma, and blank lines may stand inside a cue. Numbers, tags such as
`<i>` and `{\\an8}`, and what stands above the first cue are not speech.
"""

from __future__ import annotations

import re
from itertools import islice

from indexer.cues import Cue, read_cues, read_timing, regions
from indexer.rolling import unroll
from indexer.types import Dropped, Transcript

_FIRST_CUE = re.compile(
    r"[\ufeff\s]{0,20}(?:\d{1,9}\s{1,20})?(?:\d{1,3}:){1,2}\d{1,3}(?:[,.]\d{1,6})?\s{0,20}-->\s{0,20}\d{1,3}:\d"
)
_CUE_TIMES = re.compile(r"^(?:\d{1,3}:){2}\d{1,3}[,.]\d{1,3} --> (?:\d{1,3}:){2}\d{1,3}[,.]\d{1,3}$", re.MULTILINE)
_MOST_LINES_ABOVE = 10
_EXAMPLE = "00:00:01,000 --> 00:00:04,000"


def recognises(text: str) -> bool:
    if _FIRST_CUE.match(text):
        return True
    above = text[:2000].split("\n")[:_MOST_LINES_ABOVE]
    return any(map(_CUE_TIMES.fullmatch, above)) and len(list(islice(_CUE_TIMES.finditer(text), 2))) == 2


def parse(text: str) -> Transcript:
    lines = text.lstrip("\ufeff").split("\n")
    cues: list[Cue] = []
    header: list[Dropped] = []
    for region in regions(lines, ids=False):
        words = lines[region.start : region.end]
        if region.timing is None:
            header = [Dropped("caption header", number, line) for number, line in enumerate(words, 1) if line.strip()]
            continue
        start_s, end_s = read_timing(lines[region.timing], region.timing + 1, _EXAMPLE)
        cues.append(Cue(start_s, end_s, tuple(words), region.timing + 1))
    unrolled, repeated = unroll(cues)
    said, dropped = read_cues(unrolled)
    return Transcript(
        utterances=tuple(said),
        dropped=tuple(sorted([*header, *repeated, *dropped], key=lambda entry: entry.line)),
    )
