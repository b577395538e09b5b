"""What can go wrong, as a caller can act on it.

OnRecordError                 its message names the file, the line where there is one, and the remedy
├── TranscriptError           one file cannot be read as a transcript; the others are not affected
├── DraftError                a draft whose quotations are to be checked cannot be read
├── ArchiveError              the folder or files to index are missing, empty or contradict each other
├── IndexMissing              there is no index at that place
├── IndexBroken               a file of the index is missing, truncated or altered
├── IndexMismatch             the index was made by another model or another format version
├── IndexBusy                 another indexer is writing to the same place
├── IndexNotWritten           the disk under an index is full, read-only or failing; what was live stays live
├── NotNow                    asked before an archive is open, or when too much is asked at once
├── LanguageModelError        the server of a language model cannot be reached, refuses, or breaks off
├── KeyFileError              the file of API keys is missing or malformed, or others may write to it
├── NotAnswered               a service that is asked over HTTP refuses, or cannot be reached
└── QuestionFileError         a question file for `onrecord eval` is malformed
"""

from __future__ import annotations


class OnRecordError(Exception):
    """Anything that the user can put right. Never raised for a defect of ours."""


class TranscriptError(OnRecordError):
    """One file cannot be read as a transcript.

    Attributes:
        line: where, counted from 1; None when the whole file is meant.
        reason: what was found and what was expected.
        remedy: what to do about it.
    """

    def __init__(self, reason: str, *, remedy: str, line: int | None = None) -> None:
        super().__init__(f"{'line ' + str(line) + ': ' if line else ''}{reason} {remedy}")
        self.reason = reason
        self.remedy = remedy
        self.line = line


class DraftError(OnRecordError):
    pass


class ArchiveError(OnRecordError):
    pass


class IndexMissing(OnRecordError):  # noqa: N818  the name says what is the matter
    pass


class IndexBroken(OnRecordError):  # noqa: N818
    pass


class IndexMismatch(OnRecordError):  # noqa: N818
    pass


class FormatMismatch(IndexMismatch):
    pass


class IndexBusy(OnRecordError):  # noqa: N818
    pass


class IndexNotWritten(OnRecordError):  # noqa: N818
    pass


class BackupBroken(OnRecordError):  # noqa: N818
    pass


class NotNow(OnRecordError):  # noqa: N818
    pass


class KeyFileError(OnRecordError):
    pass


class NotAnswered(OnRecordError):  # noqa: N818
    pass


class LanguageModelError(OnRecordError):
    pass


class QuestionFileError(OnRecordError):
    pass
