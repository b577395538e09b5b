"""The transcript formats: one file each, one row of the table each; the content decides, never the suffix.

To add a format, write a module with `recognises(text)` and `parse(text)` and add its row. The first row that
recognises a text takes it, so the stricter formats stand first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from indexer.errors import TranscriptError
from indexer.parsers import markdown, page_sections, page_times, podcast_json, srt, webvtt
from indexer.types import Transcript


class Format(NamedTuple):
    name: str
    recognises: Callable[[str], bool]
    parse: Callable[[str], Transcript]
    example: str


FORMATS = (
    Format("webvtt", webvtt.recognises, webvtt.parse, "WEBVTT with <v Name> voices"),
    Format("srt", srt.recognises, srt.parse, "SubRip cues with `Name:` in front"),
    Format("podcast-json", podcast_json.recognises, podcast_json.parse, "Podcasting 2.0 JSON"),
    Format("page-times", page_times.recognises, page_times.parse, "`Full Name - 00:01:17` above each turn"),
    Format("markdown", markdown.recognises, markdown.parse, "`**Name:** text`"),
    Format("page-sections", page_sections.recognises, page_sections.parse, "`Name:` above each turn"),
)


def recognise(text: str) -> Format:
    """The format that a text is in.

    Raises:
        TranscriptError: it is in none of them.
    """
    for candidate in FORMATS:
        if candidate.recognises(text):
            return candidate
    known = "; ".join(f"{row.name} ({row.example})" for row in FORMATS)
    raise TranscriptError(
        "no transcript: no speaker labels and no cues were found.", remedy=f"Known formats are {known}."
    )
