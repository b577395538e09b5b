"""Bytes of a file to text, or a clear refusal."""

from __future__ import annotations

from indexer.errors import TranscriptError

_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def decode(data: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 with a byte order mark; line ends become newlines.

    Raises:
        TranscriptError: it is empty, binary, or not valid in its encoding (with the line).
    """
    if not data.strip():
        raise TranscriptError("the file is empty.", remedy="Export the transcript again, or remove the file.")
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    if encoding != "utf-16" and b"\0" in data:
        raise TranscriptError(
            "the file is binary, not text.", remedy="Give the transcript as text, Markdown, VTT, SRT or JSON."
        )
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise TranscriptError(
            f"byte 0x{data[error.start]:02x} is not valid {encoding.upper()}.",
            line=data.count(b"\n", 0, error.start) + 1,
            remedy="Save the file as UTF-8.",
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
