"""The search page. Its address holds the whole state of a search, so that every filter is a link."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import Field, model_validator

from indexer.types import Kind, Role
from service import answers, schemas
from service.archive import Archive
from service.facets import Facet
from service.ranking import WEIGHTS, Mode
from service.search import GroupBy, Prepared
from service.stretches import stretch_link
from service.web.examples import Examples
from service.web.layout import Layout

_FACETS = {
    Facet.SPEAKER: "Speaker",
    Facet.ROLE: "Role",
    Facet.SHOW: "Show",
    Facet.EPISODE: "Episode",
    Facet.YEAR: "Year",
}
_ROLES = {Role.GUEST: "guest", Role.HOST: "host", Role.UNKNOWN: "role not known"}
_KINDS = {
    Kind.CONTENT: ("passage", "passages"),
    Kind.TEASER: ("cold open", "cold opens"),
    Kind.SPONSOR: ("sponsor read", "sponsor reads"),
    Kind.INTRO: ("intro", "intros"),
    Kind.OUTRO: ("outro", "outros"),
}
_SIGNALS = {
    "passage": "The passage means what is asked",
    "sentence": "Its two best sentences do",
    "question": "So does the question it answers",
    "around": "The words stand in it or beside it",
    "phrase": "They stand side by side",
    "lexical": "The words stand in the passage itself",
    "answer": "A guest says it",
    "rerank": "The reranker takes it for an answer",
}
_MODES = {Mode.HYBRID: "meaning and words", Mode.DENSE: "meaning alone", Mode.LEXICAL: "words alone"}
_GROUPS = {"": "every passage", GroupBy.SPEAKER.value: "one per expert", GroupBy.EPISODE.value: "one per episode"}


# Of a facet's values, most first; /v1/search gives all of them.
_LONGEST_LIST = 24
_DATES = ("date_from", "date_to")
_NARROWING = ("speaker", "role", "show", "episode", "section", "language", *_DATES, "kind", "min_score", "per_episode")
_FIELDS = {"query", "mode", "group_by", "sort", "offset"}


class Sort(StrEnum):
    """In which order the hits of a page are shown; which ones these are, the ranking alone decides."""

    BEST = "best"
    NEWEST = "newest"
    OLDEST = "oldest"


_SORTS = {Sort.BEST: "best first", Sort.NEWEST: "newest first", Sort.OLDEST: "oldest first"}


class PageQuery(schemas.SearchParameters):
    """The search page's address: the parameters of a search, a query that may be missing, and the order shown.

    A form sends fields that are left empty too; they ask for nothing.
    """

    query: str = Field("", max_length=schemas.MAX_QUERY_LENGTH)
    sort: Sort = Sort.BEST

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, given: Any) -> Any:
        return {name: value for name, value in given.items() if value not in ("", [""])}


@dataclass(frozen=True, slots=True)
class Address:
    """The page's address, less what says no more than the default."""

    parameters: Mapping[str, Any]

    def but(self, **changes: Any) -> str:
        """The address with some parameters changed (None: left out), at its first hit unless `offset` is among them."""
        changed = {**self.parameters, "offset": None, **changes}
        kept = {name: value for name, value in changed.items() if value is not None}
        return f"/?{urlencode(kept, doseq=True)}" if kept else "/"

    def hidden(self) -> list[tuple[str, str]]:
        """What the form has no field for, name by name: a new question is asked under the same filters."""
        kept = [(name, value) for name, value in self.parameters.items() if name not in _FIELDS]
        return [(name, each) for name, value in kept for each in (value if isinstance(value, list) else [value])]


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that sets a filter, or takes it back where it is `chosen`."""

    label: str
    count: int | None
    address: str
    chosen: bool


def install(app: FastAPI, layout: Layout) -> None:
    """Adds the page to an app."""
    examples = Examples()

    @app.get("/", include_in_schema=False)
    async def search_page(request: Request, parameters: Annotated[PageQuery, Query()]) -> HTMLResponse:
        started = time.perf_counter()
        asked = parameters.model_copy(update={"facets": True})
        queries = [parameters.query] if parameters.query.strip() else []

        def content(prepared: Sequence[Prepared], archive: Archive) -> Mapping[str, Any]:
            found = answers.answer_prepared(prepared, asked, archive, started)
            shared = {"page": "search", "query": parameters.query, **_form(parameters)}
            if not found:
                return {**shared, "found": None, "examples": examples.of(archive)}
            return {**shared, **_found(found[0], parameters, archive)}

        return await layout.page_of_search(request, "search.html", answers.searches(queries, asked), content)


def _form(parameters: PageQuery) -> dict[str, Any]:
    return {
        "address": _address(parameters),
        "modes": [(mode.value, label, parameters.mode is mode) for mode, label in _MODES.items()],
        "groups": [(group, label, (parameters.group_by or "") == group) for group, label in _GROUPS.items()],
        "sorts": [(sort.value, label, parameters.sort is sort) for sort, label in _SORTS.items()],
    }


def _address(parameters: PageQuery) -> Address:
    return Address(parameters.model_dump(mode="json", exclude_defaults=True, exclude={"facets"}))


def _found(found: schemas.SearchResponse, parameters: PageQuery, archive: Archive) -> dict[str, Any]:
    address = _address(parameters)
    return {
        "found": found,
        "hits": _sorted(found.results, parameters.sort),
        "facets": list(_facets(found, parameters, address)),
        "filters": list(_filters(parameters, address, archive)),
        "hidden": _hidden(found, parameters, address),
        "offset": parameters.offset,
        "limit": parameters.limit,
        "roles": _ROLES,
        "kinds": {kind: one for kind, (one, _) in _KINDS.items()},
        "signals": _SIGNALS,
        "weights": WEIGHTS[parameters.mode],
        "entry": basket_entry,
        "at": lambda hit: stretch_link(hit.episode.id, hit.quote.char_start, hit.quote.char_end),
        "at_place": lambda place: stretch_link(place.episode, place.char_start, place.char_end),
        "titles": {place.episode: _title(place.episode, archive) for hit in found.results for place in hit.also_at},
        "plain": address.but(**dict.fromkeys(_NARROWING)),
    }


def _title(episode: str, archive: Archive) -> str:
    row = answers.find_episode(episode, archive)
    return row.title if row else episode


def _sorted(hits: Sequence[schemas.Hit], sort: Sort) -> list[schemas.Hit]:
    """Undated episodes last."""
    if sort is Sort.BEST:
        return list(hits)
    dated = [hit for hit in hits if hit.episode.date]
    dated.sort(key=lambda hit: hit.episode.date or "", reverse=sort is Sort.NEWEST)
    return [*dated, *(hit for hit in hits if not hit.episode.date)]


def _facets(
    found: schemas.SearchResponse, parameters: PageQuery, address: Address
) -> Iterator[tuple[Facet, str, list[Choice], int]]:
    """Facet, title, its values, and how many more there are."""
    given = parameters.model_dump(mode="json", include={*_NARROWING})
    for facet, title in _FACETS.items():
        entries = (found.facets or {})[facet]
        chosen = [entry for entry in entries if _is_chosen(facet, entry.value, given)]
        # One value that all have divides nothing.
        if chosen or any(entry.count < found.total for entry in entries):
            shown = [*chosen, *(entry for entry in entries if entry not in chosen)][:_LONGEST_LIST]
            choices = [_choice(facet, entry, entry in chosen, address) for entry in shown]
            yield facet, title, choices, len(entries) - len(shown)


def _choice(facet: Facet, entry: schemas.FacetCount, chosen: bool, address: Address) -> Choice:
    label = _ROLES[Role(entry.value)] if facet is Facet.ROLE else entry.label
    return Choice(label, entry.count, address.but(**_narrowed(facet, None if chosen else entry.value)), chosen)


def _narrowed(facet: Facet, value: str | None) -> dict[str, str | None]:
    """The parameters that a value of a facet sets; None takes them back."""
    if facet is Facet.YEAR:
        return {"date_from": value and f"{value}-01-01", "date_to": value and f"{value}-12-31"}
    return {facet.value: value}


def _is_chosen(facet: Facet, value: str, given: Mapping[str, Any]) -> bool:
    return all(given[name] == wanted for name, wanted in _narrowed(facet, value).items())


def _filters(parameters: PageQuery, address: Address, archive: Archive) -> Iterator[Choice]:
    """What narrows the search, each to be taken back."""
    given = address.parameters
    for name in ("speaker", "role", "show", "episode", "section", "language"):
        if name in given:
            value = _ROLES[Role(given[name])] if name == "role" else given[name]
            row = answers.find_episode(given[name], archive) if name == "episode" else None
            yield Choice(f"{name.capitalize()}: {row.title if row else value}", None, address.but(**{name: None}), True)
    if days := _days(given.get("date_from"), given.get("date_to")):
        yield Choice(days, None, address.but(date_from=None, date_to=None), True)
    if "kind" in given:
        kinds = ", ".join(_KINDS[kind][1] for kind in parameters.kind)
        yield Choice(f"Searched: {kinds}", None, address.but(kind=None), True)
    if "min_score" in given:
        yield Choice(f"Score at least {parameters.min_score:g}", None, address.but(min_score=None), True)
    if "per_episode" in given:
        yield Choice(f"At most {parameters.per_episode} of an episode", None, address.but(per_episode=None), True)


def _days(first: str | None, last: str | None) -> str | None:
    if first and last:
        is_year = (first, last) == (f"{first[:4]}-01-01", f"{first[:4]}-12-31")
        return f"Year: {first[:4]}" if is_year else f"From {first} to {last}"
    return f"From {first}" if first else f"To {last}" if last else None


def _hidden(found: schemas.SearchResponse, parameters: PageQuery, address: Address) -> dict[str, Any] | None:
    """What was not searched and would have been among the hits, and the address that searches it too."""
    if not found.hidden:
        return None
    counts = [f"{count} {_KINDS[Kind(kind)][count != 1]}" for kind, count in found.hidden.items()]
    return {"what": ", ".join(counts), "address": address.but(kind=[*parameters.kind, *found.hidden])}


def basket_entry(hit: schemas.Hit) -> dict[str, Any]:
    """The quote of a hit, as the basket keeps it."""
    return {
        "passage": hit.id,
        "episode": hit.episode.id,
        "char_start": hit.quote.char_start,
        "char_end": hit.quote.char_end,
        "text": hit.quote.text,
        "speaker": hit.speaker.name,
        "role": hit.speaker.role.value,
        "title": hit.episode.title,
        "show": hit.episode.show,
        "date": hit.episode.date,
        "link": stretch_link(hit.episode.id, hit.quote.char_start, hit.quote.char_end),
    }
