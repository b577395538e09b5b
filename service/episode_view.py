"""One episode as it is understood, for `onrecord parse`."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Console
from rich.markup import escape

from indexer.clock import clock
from indexer.types import Episode


def episode_json(episode: Episode) -> dict[str, Any]:
    """The shape that `onrecord parse --json` prints."""
    return {
        "title": episode.title,
        "show": episode.show,
        "date": episode.date,
        "url": episode.url,
        "language": episode.language,
        "duration_s": episode.duration_s,
        "link_template": episode.link_template,
        "format": episode.format,
        "speakers": [{"name": speaker.name, "role": speaker.role} for speaker in episode.speakers],
        "turns": [
            {
                "speaker": turn.speaker,
                "text": turn.text,
                "start_s": turn.start_s,
                "end_s": turn.end_s,
                "section": turn.section,
                "kind": turn.kind,
                "flags": list(turn.flags),
            }
            for turn in episode.turns
        ],
        "report": {
            "turns": len(episode.turns),
            "words": len(episode.text.split()),
            "notes": list(episode.notes),
            "speakers": [
                {
                    "name": speaker.name,
                    "role": speaker.role,
                    "confidence": speaker.confidence,
                    "aliases": list(speaker.aliases),
                    "description": speaker.description,
                }
                for speaker in episode.speakers
            ],
            "turns_by_speaker": dict(Counter(turn.speaker or "" for turn in episode.turns)),
            "dropped": [
                {"reason": dropped.reason, "line": dropped.line, "text": dropped.text} for dropped in episode.dropped
            ],
        },
    }


def print_episode(episode: Episode, console: Console) -> None:
    """Title, speakers, and every turn."""
    length = clock(episode.duration_s) if episode.duration_s is not None else None
    stated = (episode.show, episode.date, episode.language, length, episode.url, episode.link_template, episode.format)
    about = " · ".join(part for part in stated if part)
    console.print(f"[bold]{escape(episode.title)}[/]  {escape(about)}", highlight=False)
    for note in episode.notes:
        console.print(f"  note: {escape(note)}", highlight=False)
    for speaker in episode.speakers:
        aliases = f", also {', '.join(speaker.aliases)}" if speaker.aliases else ""
        console.print(
            f"  {escape(speaker.name)}: {speaker.role} ({speaker.confidence:.1f}){escape(aliases)}",
            highlight=False,
        )
    section = None
    for number, turn in enumerate(episode.turns):
        if turn.section != section:
            section = turn.section
            console.print(f"\n[bold]{escape(section or '')}[/]")
        when = f" {clock(turn.start_s)}" if turn.start_s is not None else ""
        console.print(f"\n[dim]t{number}{when}[/] [bold]{escape(turn.speaker or 'not named')}[/]", highlight=False)
        console.print(turn.text, highlight=False, markup=False)
    if episode.dropped:
        console.print("\n[dim]Not speech:[/]")
        for dropped in episode.dropped:
            console.print(
                f"  [dim]line {dropped.line}, {dropped.reason}: {escape(dropped.text[:100])}[/]",
                highlight=False,
            )
