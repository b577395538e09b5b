"""Bytes of a file to text, or a clear refusal."""

from __future__ import annotations

import re

from indexer.errors import TranscriptError

_KINDS = (
    (re.compile(rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP", re.DOTALL), "a picture"),
    (re.compile(rb"ID3|\xff[\xf2\xf3\xfb]|OggS|fLaC|RIFF|....ftyp|\x1aE\xdf\xa3", re.DOTALL), "a recording"),
    (re.compile(rb"PK\x03\x04"), "a document of another kind"),
)
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def decode(data: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 with a byte order mark; line ends become newlines.

    Raises:
        TranscriptError: it is empty, binary, or not valid in its encoding (with the line).
    """
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    if encoding != "utf-16" and b"\0" in data:
        raise _binary(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        before = error.object[: error.start]  # without the mark, unlike `data`
        raise TranscriptError(
            f"byte 0x{error.object[error.start]:02x} is not valid {encoding.upper().removesuffix('-SIG')}.",
            line=before.count(b"\n") + 1,
            remedy="Save the file as UTF-8.",
        ) from error
    if "\0" in text:
        raise _binary(data)
    if not text.strip():
        raise TranscriptError("the file is empty.", remedy="Export the transcript again, or remove the file.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _binary(data: bytes) -> TranscriptError:
    kind = next((kind for signature, kind in _KINDS if signature.match(data)), "binary")
    return TranscriptError(
        f"the file is {kind}, not text.",
        remedy="Give the transcript as text, Markdown, captions, JSON, CSV, HTML, Word or PDF.",
    )
