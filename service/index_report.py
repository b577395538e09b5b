"""What an indexing run did, for people at a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape


def print_report(report: Mapping[str, Any], console: Console) -> None:
    """What an indexing run read, left out and made."""
    kinds = f"{_counted(report['words_of_kind'])}, " if any(report["words_of_kind"].values()) else ""
    lines = {
        "files": f"{report['files']:,} read, {len(report['files_skipped'])} skipped, "
        f"{len(report['files_failed'])} failed",
        "episodes": f"{report['episodes']:,} ({_counted(report['formats'])}), "
        f"{len(report['duplicates'])} of them doubles",
        "speakers": f"{report['speakers']:,} named; {report['turns_unnamed']:,} of {report['turns']:,} turns unnamed",
        "words": f"{report['words']:,} spoken: {report['words_indexed']:,} in passages, "
        f"{kinds}{report['words_too_short']:,} in turns too short for a passage, "
        f"{report['words_duplicate']:,} in doubles",
        "not speech": f"{_counted(report['dropped_words'])} (words)",
        "doubts": f"{_counted(report['flags'])} (turns)",
        "passages": f"{report['passages']:,} of {report['sentences']:,} sentences; the longest fills "
        f"{report['longest_passage_tokens']} of {report['window_tokens']} tokens, "
        f"{report['truncated_tokens']} truncated",
        "vectors": f"{report['vectors_made']:,} made, {report['vectors_reused']:,} reused",
        "times": f"{_counted(report['times'])} (passages)",
    }
    # Indexes of this format were made before these ids were counted.
    if report.get("ids_retired"):
        forgotten = f", {report['ids_forgotten']:,} of them without their words" if report["ids_forgotten"] else ""
        lines["retired"] = f"ids of earlier passages: {report['ids_retired']:,}{forgotten}"
    if report["engine"]:
        lines["engine"] = "{name}; it finds {recall_at_100:.3f} of the 100 nearest".format(**report["engine"])
    for name, value in lines.items():
        console.print(f"{name:>10}  {escape(value)}", highlight=False, soft_wrap=True)
    for entry in report["files_skipped"]:
        console.print(f"   skipped  {escape(entry['source'])}: {escape(entry['reason'])}", style="dim", soft_wrap=True)
    for source, kept in report["duplicates"].items():
        console.print(f"    double  {escape(source)}: has the words of {escape(kept)}", highlight=False, soft_wrap=True)
    for source, note in report["notes"].items():
        console.print(f"      note  {escape(source)}: {escape(note)}", highlight=False, soft_wrap=True)
    for entry in report["files_failed"]:
        line = f", line {entry['line']}" if entry["line"] else ""
        console.print(
            f"    [red]failed[/]  {escape(entry['source'])}{line}: {escape(entry['reason'])} {escape(entry['remedy'])}",
            highlight=False,
            soft_wrap=True,
        )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()) if count) or "none"
