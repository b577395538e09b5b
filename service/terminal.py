"""Answers for people at a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from indexer.catalog import Voice
from indexer.times import shown_time
from service import schemas
from service.evaluate import Difference, Metrics
from service.passage_citations import SOUND, CitationStatus
from service.verify import Verdict

_METRICS = {
    "recall_at_1": "R@1",
    "recall_at_5": "R@5",
    "recall_at_10": "R@10",
    "mrr_at_10": "MRR@10",
    "recall_at_1000_tokens": "R@1000 tok",
}


def print_hits(response: schemas.SearchResponse, console: Console) -> None:
    """The ranking: place and speaker, then the words with the quote marked."""
    for note in response.notes:
        console.print(f"[yellow]note:[/] {escape(note)}")
    for hit in response.results:
        console.print()
        console.print(_heading(hit), soft_wrap=True, highlight=False)
        console.print(_place(hit), style="dim", soft_wrap=True, highlight=False, markup=False)
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


def print_quotes(response: schemas.QuotesResponse, console: Console) -> None:
    """Each quote with its citation, ready to be copied."""
    for note in response.notes:
        console.print(f"[yellow]note:[/] {escape(note)}")
    for quote in response.results:
        console.print()
        console.print(
            f"[bold]{quote.rank:>2}[/] {escape(_said_by(quote))} · chars {quote.char_start}–{quote.char_end}",
            style="dim",
            highlight=False,
            soft_wrap=True,
        )
        if quote.question:
            asked = Text(f"{quote.question.speaker or 'asked'}: {_shortened(quote.question.text)}", style="italic dim")
            console.print(Padding(asked, (0, 0, 0, 3)))
        console.print(Padding(Text(f"“{quote.text}”"), (0, 0, 0, 3)))
        cited = quote.citation if isinstance(quote.citation, str) else json.dumps(quote.citation, ensure_ascii=False)
        console.print()
        # Printed as it is, for it is to be copied.
        console.print(cited, highlight=False, markup=False, soft_wrap=True)
    if not response.results:
        console.print("Nothing was found. Fewer filters, or other words, may help.")


def print_answer(response: schemas.AskResponse, console: Console) -> None:
    """What comes below an answer: its sources, and what in it could not be verified."""
    console.print("\n")
    for source in response.sources:
        line = f"[{source.number}] {_said_by(source)} · {source.id}"
        console.print(line, style="dim", highlight=False, markup=False, soft_wrap=True)
    console.print()
    for span in response.spans:
        if span.reason:
            console.print(f"[red]unverified[/]  {escape(' '.join(span.text.split()))}: {span.reason}", highlight=False)
            if span.diff:
                console.print(Padding(_difference(span.diff), (0, 0, 0, 3)))
    counts = ", ".join(f"{count} {status}" for status, count in response.summary.items()) or "none"
    what = _many(len(response.spans), "quotation or citation", "quotations and citations")
    console.print(f"{what}: {counts}", style="dim", highlight=False)
    for note in response.notes:
        console.print(f"[yellow]note:[/] {escape(note)}")


_VERDICT_STYLES = {
    Verdict.VERIFIED: "green",
    Verdict.EDITED: "green",
    Verdict.ALTERED: "red",
    Verdict.MISATTRIBUTED: "red",
    Verdict.NOT_FOUND: "red",
}


def print_verified(response: schemas.VerifyResponse, console: Console) -> None:
    """Each quotation of a draft with its verdict, where it stands, and what was said; then its citations."""
    for note in response.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False, soft_wrap=True)
    for result in response.results:
        style = _VERDICT_STYLES[result.verdict]
        console.print(f"\n{_where(result)}  [{style}]{result.verdict}[/]", highlight=False)
        quoted = " ".join(result.quote.split())
        named = f" — {result.attributed_to}" if result.attributed_to else ""
        console.print(Padding(Text(f"“{quoted}”{named}"), (0, 0, 0, 3)))
        if result.match:
            match = result.match
            said_by = f"said by {match.speaker.name or 'nobody named'}, {match.episode.title}"
            place = f"chars {match.char_start}–{match.char_end}"
            said = " · ".join(filter(None, (said_by, shown_time(match.start_s, match.time), place)))
            console.print(Padding(Text(said, style="dim"), (0, 0, 0, 3)))
        if result.verdict is Verdict.ALTERED:
            console.print(Padding(_difference(result.diff), (0, 0, 0, 3)))
        if result.nearest:
            near = f"nearest: {result.nearest.speaker.name}: {_shortened(result.nearest.text)}"
            console.print(Padding(Text(near, style="dim"), (0, 0, 0, 3)))
    for cited in response.citations:
        style = "green" if cited.status in SOUND else "red"
        console.print(f"\n{_where(cited)}  [{style}]{cited.status}[/]", highlight=False)
        console.print(Padding(Text(_cited(cited)), (0, 0, 0, 3)))
    console.print()
    for what, counts in (("quotation", response.summary), ("citation", response.cited)):
        if counts or what == "quotation":
            told = ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"
            console.print(f"{_many(sum(counts.values()), what, f'{what}s')}: {told}", style="dim", highlight=False)


def _many(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def _where(place: schemas.VerifiedQuote | schemas.CitedPassage) -> str:
    return f"line {place.line}" if place.line else f"paragraph {place.paragraph}"


def _cited(cited: schemas.CitedPassage) -> str:
    """What a citation leads to."""
    name = f"[{cited.cited}]"
    if cited.status is CitationStatus.GONE:
        return f"{name} was a passage of this archive, and its words are gone"
    if cited.passage is None:
        return f"{name} is no passage of this archive"
    said = f"{name} {cited.passage.speaker.name or 'nobody named'}, {cited.passage.episode.title}"
    if cited.status is CitationStatus.ELSEWHERE:
        return f"{said}: the quotation beside it does not stand there"
    return said


def _difference(changes: Sequence[schemas.Change]) -> Text:
    """What was said, with the words that were quoted in their place struck through."""
    text = Text()
    for change in changes:
        if change.quoted == change.said:
            text.append(f"{change.said} ")
            continue
        if change.quoted:
            text.append(f"[-{change.quoted}-] ", style="red")
        if change.said:
            text.append(f"{{+{change.said}+}} ", style="green")
    return text


def print_metrics(tables: Mapping[str, Metrics], console: Console) -> None:
    """The table of `onrecord eval`."""
    table = Table(box=None, pad_edge=False)
    for heading in ("kind", "questions", *_METRICS.values()):
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    for kind, metrics in tables.items():
        shares = (getattr(metrics, name) for name in _METRICS)
        table.add_row(kind, str(metrics.questions), *(f"{share:.3f}" for share in shares))
    console.print(table)


def print_comparison(
    other: str, tables: Mapping[str, Metrics], differences: Mapping[str, Difference], console: Console
) -> None:
    """What `onrecord eval --compare` adds: the other setting's table, and how much better the first one is."""
    console.print(f"\nCompared with {other}:", highlight=False, markup=False, soft_wrap=True)
    print_metrics(tables, console)
    table = Table(box=None, pad_edge=False)
    for heading in ("first less second", "difference", "95 % interval", "won", "lost", "tied"):
        table.add_column(heading, justify="left" if heading == "first less second" else "right")
    for name, d in differences.items():
        interval = f"{d.low:+.3f} to {d.high:+.3f}"
        table.add_row(_METRICS[name], f"{d.difference:+.3f}", interval, str(d.won), str(d.lost), str(d.tied))
    console.print()
    console.print(table)


def print_voices(voices: Sequence[tuple[str, Voice]], console: Console) -> None:
    """Every person with every episode: the role there, how sure it is, and why."""
    for name in sorted({voice.name or "" for _, voice in voices}):
        theirs = [(source, voice) for source, voice in voices if voice.name == name]
        aliases = sorted({alias for _, voice in theirs for alias in voice.aliases})
        also = f", also {', '.join(aliases)}" if aliases else ""
        console.print(f"[bold]{escape(name)}[/]{escape(also)}", highlight=False, soft_wrap=True)
        for source, voice in theirs:
            sure = f"{voice.role} ({voice.confidence:.1f}: {voice.evidence})"
            console.print(f"   {escape(source)}: {escape(sure)}", highlight=False, soft_wrap=True)


def _heading(hit: schemas.Hit) -> Text:
    heading = Text(f"{hit.rank:>2} ", style="bold")
    heading.append(hit.speaker.name or "not named", style="bold")
    heading.append(f" ({hit.speaker.role})  {hit.score:.2f}", style="dim")
    return heading


def _place(hit: schemas.Hit) -> str:
    when = shown_time(hit.start_s, hit.time)
    parts = [hit.episode.title, hit.section, hit.episode.date, when, f"chars {hit.char_start}–{hit.char_end}"]
    return "   " + " · ".join(part for part in parts if part)


def _said_by(place: schemas.FoundQuote | schemas.Source) -> str:
    time = shown_time(place.start_s, place.time)
    named = f"{place.speaker.name or 'not named'} ({place.speaker.role}), {place.episode.title}"
    return f"{named} · {time}" if time else named


def _words(hit: schemas.Hit) -> Text:
    text = Text(hit.text)
    text.stylize("bold", hit.quote.char_start - hit.char_start, hit.quote.char_end - hit.char_start)
    return text


def _shortened(text: str, width: int = 160) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else f"…{flat[-width:].split(' ', 1)[-1]}"
