"""What is in the archive: its episodes, and what the indexer read, left out and made, in plain words and numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from indexer.catalog import EpisodeRow
from indexer.types import Kind
from service.archive import Archive
from service.provenance import speaker_ref
from service.web.layout import Layout

PAGE = 50
_MOST_PEOPLE = 12
_MOST_YEARS = 25
_MOST_LISTED = 200
_DIGITS = re.compile(r"([0-9]{1,15})")
_DATE = re.compile(r"(?P<year>\d{4})(?:-(?P<month>0[1-9]|1[0-2]))?(?!\d)", re.ASCII)
_KINDS = {
    Kind.TEASER: "Cold opens, whose words are said again later",
    Kind.SPONSOR: "Sponsor reads",
    Kind.INTRO: "Intros",
    Kind.OUTRO: "Outros",
}
_TIMES = {
    "exact": "Read from the transcript",
    "interpolated": "Between two that were read",
    "absent": "Not known",
}


class Sort(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"
    TITLE = "title"
    SHOW = "show"
    LONGEST = "longest"


class ArchiveQuery(BaseModel):
    """The page's address: which episodes are listed, and in which order. `show` is empty for all."""

    model_config = ConfigDict(extra="forbid")

    show: str = ""
    sort: Sort = Sort.NEWEST
    offset: int = Field(0, ge=0)


@dataclass(frozen=True, slots=True)
class Bar:
    """A number of a chart. `share`: its part of the whole, or of the largest, in percent."""

    label: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What costs time to count, counted once for each generation."""

    generation: str
    words: Mapping[str, int]
    words_unnamed: int


def install(app: FastAPI, layout: Layout) -> None:
    """Adds the page to an app."""
    counted: list[Facts] = []

    def facts(archive: Archive) -> Facts:
        name = archive.generation.manifest.id
        if not counted or counted[0].generation != name:
            counted[:] = [_count(archive)]
        return counted[0]

    @app.get("/archive", include_in_schema=False)
    async def archive_page(request: Request, parameters: Annotated[ArchiveQuery, Query()]) -> HTMLResponse:
        return await layout.page(
            request,
            "archive.html",
            lambda archive: {**_episodes(parameters, archive), **_report(archive), **_charts(facts(archive), archive)},
        )


def _count(archive: Archive) -> Facts:
    words: Counter[str] = Counter()
    unnamed = 0
    by_voice = archive.catalog.words_by_voice()
    for voice in archive.catalog.voices:
        said = by_voice.get(voice.number, 0)
        if voice.name and not voice.anonymous:
            words[voice.name] += said
        else:
            unnamed += said
    return Facts(archive.generation.manifest.id, words, unnamed)


def _episodes(parameters: ArchiveQuery, archive: Archive) -> dict[str, Any]:
    """The part of the list that is asked for."""
    rows = archive.catalog.episodes
    shows = sorted({row.show for row in rows if row.show}, key=str.casefold)
    listed = _sorted([row for row in rows if not parameters.show or row.show == parameters.show], parameters.sort)
    part = listed[parameters.offset : parameters.offset + PAGE]
    return {
        "parameters": parameters,
        "sorts": list(Sort),
        "shows": shows,
        "listed": len(listed),
        "page_size": PAGE,
        "episodes": [
            (row, [speaker_ref(voice) for voice in archive.voices_of[row.number] if voice.name]) for row in part
        ],
    }


def _sorted(rows: Sequence[EpisodeRow], sort: Sort) -> list[EpisodeRow]:
    """Episodes that do not state a date, or a show, come last."""
    by_title = sorted(rows, key=lambda row: _by_number(row.title))
    keys: dict[Sort, Callable[[EpisodeRow], Any]] = {
        Sort.TITLE: lambda _: 0,
        Sort.SHOW: lambda row: (row.show is None, (row.show or "").casefold()),
        Sort.LONGEST: lambda row: -row.words,
        Sort.OLDEST: lambda row: (row.date is None, row.date or ""),
        Sort.NEWEST: lambda row: row.date or "",
    }
    return sorted(by_title, key=keys[sort], reverse=sort is Sort.NEWEST)


def _by_number(title: str) -> list[tuple[int, str]]:
    """Part 2 comes before part 10."""
    return [
        (int(part), "") if part.isascii() and part.isdigit() else (-1, part)
        for part in _DIGITS.split(title.casefold())
        if part
    ]


def _charts(facts: Facts, archive: Archive) -> dict[str, Any]:
    rows = archive.catalog.episodes
    people = sorted(facts.words.items(), key=lambda entry: (-entry[1], entry[0]))
    return {
        "years": _years(rows),
        "undated": sum(_DATE.match(row.date or "") is None for row in rows),
        "people": _bars(people[:_MOST_PEOPLE]),
        "people_total": len(people),
        "others": sum(words for _, words in people[_MOST_PEOPLE:]),
        "words_unnamed": facts.words_unnamed,
    }


def _years(rows: Iterable[EpisodeRow]) -> list[Bar]:
    """Episodes of each year, or of each month where all are of two years at most; those without any between too."""
    stated = [match for row in rows if (match := _DATE.match(row.date or ""))]
    if not stated:
        return []
    years = Counter(int(match["year"]) for match in stated)
    first, last = min(years), max(years)
    if last - first > 1 or any(match["month"] is None for match in stated):
        span = range(max(first, last - _MOST_YEARS + 1), last + 1)
        return _bars([(str(year), years[year]) for year in span])
    months = Counter(int(match["year"]) * 12 + int(match["month"]) - 1 for match in stated)
    span = range(min(months), max(months) + 1)
    return _bars([(f"{month // 12:04}-{month % 12 + 1:02}", months[month]) for month in span])


def _bars(counts: Sequence[tuple[str, int]], whole: int | None = None) -> list[Bar]:
    """Bars as long as their shares of a whole; without one, of the largest."""
    largest = whole or max((count for _, count in counts), default=0) or 1
    return [Bar(label, count, round(100 * count / largest, 2)) for label, count in counts]


def _report(archive: Archive) -> dict[str, Any]:
    """What the indexer reported, in plain words."""
    report, manifest = archive.generation.report(), archive.generation.manifest
    words = [
        ("Searched", report["words_indexed"]),
        *((_KINDS[Kind(kind)], count) for kind, count in _most_first(report["words_of_kind"])),
        ("In turns too short to stand alone", report["words_too_short"]),
        ("In doubles of an interview", report["words_duplicate"]),
    ]
    times = [(_TIMES[name], report["times"].get(name, 0)) for name in _TIMES]
    return {
        "report": report,
        "manifest": manifest,
        "words": _bars([entry for entry in words if entry[1]], report["words"]),
        "dropped": _bars(_most_first(report["dropped_words"])),
        "times": _bars([entry for entry in times if entry[1]], report["passages"]),
        "formats": _most_first(report["formats"]),
        "flags": _most_first(report["flags"]),
        "doubles": [(source, f"has the words of {kept}") for source, kept in report["duplicates"].items()],
        "notes": list(report["notes"].items()),
        "skipped": [(entry["source"], entry["reason"]) for entry in report["files_skipped"]],
        "most_listed": _MOST_LISTED,
    }


def _most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(((name, count) for name, count in counts.items() if count), key=lambda entry: (-entry[1], entry[0]))
