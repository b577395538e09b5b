"""The transcript formats: one file each, one row of the table each; the content decides, never the suffix.

To add a format, write a module with `recognises` and `parse`, both pure functions of what the row says it reads: the
decoded `text`, the `json` value, or the `bytes`, for which `parse` takes the user's limits besides. The first row that
recognises a file takes it, so the stricter formats stand first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from indexer.archives import DEFAULT_LIMITS, Limits
from indexer.errors import TranscriptError
from indexer.parsers import (
    assemblyai,
    aws_transcribe,
    azure_speech,
    csv_table,
    deepgram,
    docx,
    generic_json,
    google_speech,
    html_page,
    ibm_watson,
    labelled_text,
    markdown,
    otter,
    page_sections,
    page_times,
    pdf,
    podcast_html,
    podcast_json,
    podlove_xml,
    rev_ai,
    speechmatics,
    srt,
    ttml,
    webvtt,
    whisper,
    xml_speech,
    youtube_json3,
)
from indexer.reading import decode
from indexer.types import Transcript

_OTHERWISE = "If it is in another format, force that with --format."
_MEANT_AS_JSON = re.compile(r"\s*(?:\{\s*(?:[\"}]|\Z)|\[\s*[\[{])")


class Format(NamedTuple):
    name: str
    reads: Literal["text", "json", "bytes"]
    recognises: Callable[[Any], bool]
    parse: Callable[..., Transcript]


FORMATS = (
    Format("pdf", "bytes", pdf.recognises, pdf.parse),
    Format("docx", "bytes", docx.recognises, docx.parse),
    Format("podcast-json", "json", podcast_json.recognises, podcast_json.parse),
    Format("assemblyai", "json", assemblyai.recognises, assemblyai.parse),
    Format("whisper", "json", whisper.recognises, whisper.parse),
    Format("deepgram", "json", deepgram.recognises, deepgram.parse),
    Format("aws-transcribe", "json", aws_transcribe.recognises, aws_transcribe.parse),
    Format("google-speech", "json", google_speech.recognises, google_speech.parse),
    Format("azure-speech", "json", azure_speech.recognises, azure_speech.parse),
    Format("ibm-watson", "json", ibm_watson.recognises, ibm_watson.parse),
    Format("speechmatics", "json", speechmatics.recognises, speechmatics.parse),
    Format("rev-ai", "json", rev_ai.recognises, rev_ai.parse),
    Format("youtube-json3", "json", youtube_json3.recognises, youtube_json3.parse),
    Format("generic-json", "json", generic_json.recognises, generic_json.parse),
    Format("webvtt", "text", webvtt.recognises, webvtt.parse),
    Format("srt", "text", srt.recognises, srt.parse),
    Format("ttml", "text", ttml.recognises, ttml.parse),
    Format("podlove-xml", "text", podlove_xml.recognises, podlove_xml.parse),
    Format("podcast-html", "text", podcast_html.recognises, podcast_html.parse),
    Format("html-page", "text", html_page.recognises, html_page.parse),
    Format("xml", "text", xml_speech.recognises, xml_speech.parse),
    Format("csv", "text", csv_table.recognises, csv_table.parse),
    Format("page-times", "text", page_times.recognises, page_times.parse),
    Format("otter", "text", otter.recognises, otter.parse),
    Format("markdown", "text", markdown.recognises, markdown.parse),
    Format("labelled-text", "text", labelled_text.recognises, labelled_text.parse),
    Format("page-sections", "text", page_sections.recognises, page_sections.parse),
)


def parse_transcript(
    data: bytes, *, force: str | None = None, limits: Limits = DEFAULT_LIMITS
) -> tuple[str, Transcript]:
    """A file's content as a transcript, and the name of its format.

    Args:
        force: the name of the format to take it for, whatever it looks like.
        limits: how much a packed file may unpack to.

    Raises:
        TranscriptError: it is in no known format, or broken; the message names the format it was taken for.
    """
    content = _Content(data)
    row = _forced(force, content) if force else _recognised(content)
    try:
        if row.reads == "bytes":
            return row.name, row.parse(content.bytes, limits)
        return row.name, row.parse(getattr(content, row.reads))
    except TranscriptError as error:
        reason = f"taken for {row.name}: {error.reason}"
        remedy = error.remedy if force or "--format" in error.remedy else f"{error.remedy} {_OTHERWISE}"
        raise TranscriptError(reason, line=error.line, remedy=remedy) from error
    except RecursionError as error:
        raise TranscriptError(
            f"taken for {row.name}: it is nested too deeply.", remedy=f"Export the transcript again. {_OTHERWISE}"
        ) from error


def parse_text(text: str) -> Transcript:
    """What the text of a document says, as one of the formats that read text.

    Raises:
        TranscriptError: it is in none of them, or broken.
    """
    row = next((row for row in FORMATS if row.reads == "text" and row.recognises(text)), None)
    if row is None:
        raise _unknown("text")
    return row.parse(text)


class _Content:
    """A file's bytes, its text and its JSON value, each made at most once. `json` is None where it is no JSON."""

    def __init__(self, data: bytes) -> None:
        self.bytes = data
        self._text: str | None = None
        self._json: Any = None
        self._json_error: TranscriptError | None = None

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = decode(self.bytes)
        return self._text

    @property
    def json(self) -> Any:
        if self._json is None and self._json_error is None and self.text.lstrip()[:1] in ("{", "["):
            try:
                self._json = json.loads(self.text)
            except json.JSONDecodeError as error:
                self._json_error = TranscriptError(
                    f"taken for JSON, which is broken: {error.msg}.",
                    line=error.lineno,
                    remedy=f"Export the transcript again. {_OTHERWISE}",
                )
            except ValueError:
                self._json_error = TranscriptError(
                    "taken for JSON, which is broken: a number is too long.",
                    remedy=f"Export the transcript again. {_OTHERWISE}",
                )
            except RecursionError:
                self._json_error = TranscriptError(
                    "taken for JSON: it is nested too deeply.", remedy=f"Export the transcript again. {_OTHERWISE}"
                )
        return self._json

    def require_json(self) -> None:
        """Raises why the content, which should be JSON, is none."""
        if self.json is None:
            raise self._json_error or TranscriptError("this is no JSON.", remedy="Choose another --format.")


def _recognised(content: _Content) -> Format:
    for row in FORMATS:
        readable = getattr(content, row.reads)
        if readable is not None and row.recognises(readable):
            return row
    if not _MEANT_AS_JSON.match(content.text):
        raise _unknown("text")
    content.require_json()
    raise _unknown("json")


def _unknown(reads: str) -> TranscriptError:
    known = ", ".join(row.name for row in FORMATS if row.reads == reads)
    if reads == "json":
        reason = "no transcript: this JSON is of no known shape."
        return TranscriptError(reason, remedy=f"Export it as text or captions, or force one with --format: {known}.")
    reason = "no transcript: no speaker labels and no cues were found."
    return TranscriptError(
        reason, remedy=f"Expected `Name: text`, captions or the like; force a format with --format: {known}."
    )


def _forced(name: str, content: _Content) -> Format:
    row = next((row for row in FORMATS if row.name == name), None)
    if row is None:
        known = ", ".join(row.name for row in FORMATS)
        raise TranscriptError(f"there is no format {name!r}.", remedy=f"Choose one of {known}.")
    if row.reads == "json":
        content.require_json()
    return row
