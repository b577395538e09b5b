"""Answers for people at a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from indexer.clock import clock
from service import schemas
from service.evaluate import Metrics


def print_hits(response: schemas.SearchResponse, console: Console) -> None:
    """The ranking: place and speaker, then the words with the quote marked."""
    for note in response.notes:
        console.print(f"[yellow]note:[/] {escape(note)}")
    for hit in response.results:
        console.print()
        console.print(_heading(hit), soft_wrap=True, highlight=False)
        console.print(_place(hit), style="dim", soft_wrap=True, highlight=False)
        if hit.question:
            asked = Text(f"{hit.question.speaker or 'asked'}: {_shortened(hit.question.text)}", style="italic dim")
            console.print(Padding(asked, (0, 0, 0, 3)))
        console.print(Padding(_words(hit), (0, 0, 0, 3)))
    if not response.results:
        console.print("Nothing was found. Fewer filters, or other words, may help.")
    console.print()
    console.print(
        f"{len(response.results)} of {response.total} hits in {response.took_ms:.0f} ms",
        style="dim",
        highlight=False,
    )


def print_metrics(tables: Mapping[str, Metrics], console: Console) -> None:
    """The table of `onrecord eval`."""
    table = Table(box=None, pad_edge=False)
    for heading in ("kind", "questions", "R@1", "R@5", "R@10", "MRR@10", "R@1000 tok"):
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    for kind, m in tables.items():
        shares = (m.recall_at_1, m.recall_at_5, m.recall_at_10, m.mrr_at_10, m.recall_at_1000_tokens)
        table.add_row(kind, str(m.questions), *(f"{share:.3f}" for share in shares))
    console.print(table)


def print_report(report: Mapping[str, Any], console: Console) -> None:
    """What an indexing run read, left out and made."""
    dropped = ", ".join(f"{words:,} {reason}" for reason, words in report["dropped_words"].items() if words)
    times = ", ".join(f"{count:,} {source}" for source, count in report["times"].items())
    formats = ", ".join(f"{count} {name}" for name, count in sorted(report["formats"].items()))
    lines = {
        "files": f"{report['files_read']:,} read, {len(report['files_skipped'])} skipped, "
        f"{len(report['files_failed'])} failed",
        "episodes": f"{report['episodes']:,} ({formats})",
        "speakers": f"{report['speakers']:,} named; {report['turns_unnamed']:,} of {report['turns']:,} turns unnamed",
        "words": f"{report['words']:,} spoken, {report['words_indexed']:,} in passages, "
        f"{report['words_too_short']:,} in turns too short for one",
        "not speech": f"{dropped or 'nothing'} (words)",
        "passages": f"{report['passages']:,} of {report['sentences']:,} sentences; the longest fills "
        f"{report['longest_passage_tokens']} of {report['window_tokens']} tokens, "
        f"{report['truncated_tokens']} truncated",
        "vectors": f"{report['vectors_made']:,} made, {report['vectors_reused']:,} reused",
        "times": times,
    }
    for name, value in lines.items():
        console.print(f"{name:>10}  {escape(value)}", highlight=False, soft_wrap=True)
    for entry in report["files_skipped"]:
        console.print(f"   skipped  {escape(entry['source'])}: {escape(entry['reason'])}", style="dim", soft_wrap=True)
    for entry in report["files_failed"]:
        line = f", line {entry['line']}" if entry["line"] else ""
        console.print(
            f"    [red]failed[/]  {escape(entry['source'])}{line}: {escape(entry['reason'])} {escape(entry['remedy'])}",
            highlight=False,
            soft_wrap=True,
        )


def _heading(hit: schemas.Hit) -> Text:
    heading = Text(f"{hit.rank:>2} ", style="bold")
    heading.append(hit.speaker.name or "not named", style="bold")
    heading.append(f" ({hit.speaker.role})  {hit.score:.2f}", style="dim")
    return heading


def _place(hit: schemas.Hit) -> str:
    when = f"{'~' if hit.time == 'interpolated' else ''}{clock(hit.start_s)}" if hit.start_s is not None else None
    parts = [hit.episode.title, hit.section, hit.episode.date, when, f"chars {hit.char_start}–{hit.char_end}"]
    return "   " + " · ".join(part for part in parts if part)


def _words(hit: schemas.Hit) -> Text:
    text = Text(hit.text)
    text.stylize("bold", hit.quote.char_start - hit.char_start, hit.quote.char_end - hit.char_start)
    return text


def _shortened(text: str, width: int = 160) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else f"…{flat[-width:].split(' ', 1)[-1]}"
