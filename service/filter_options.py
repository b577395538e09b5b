"""The options that narrow a search, for every command that searches."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from indexer.types import Role


class ModeName(StrEnum):
    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


_DAY = ["%Y-%m-%d"]


def _narrowed(
    speaker: Annotated[str | None, typer.Option(help="Only this person's words.")] = None,
    role: Annotated[Role | None, typer.Option(help="Only people in this role.")] = None,
    episode: Annotated[str | None, typer.Option(help="Only this episode: id, source or title.")] = None,
    show: Annotated[str | None, typer.Option(help="Only this show.")] = None,
    section: Annotated[str | None, typer.Option(help="Only sections with this heading.")] = None,
    language: Annotated[str | None, typer.Option(help="Only this language: en is en-US too; und: not stated.")] = None,
    date_from: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="Only episodes of this day or later.")
    ] = None,
    date_to: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="Only episodes of this day or earlier.")
    ] = None,
    mode: Annotated[ModeName, typer.Option(help="Meaning and words, meaning alone, or words alone.")] = ModeName.HYBRID,
    min_score: Annotated[float, typer.Option(help="Leave out hits that score lower.")] = 0.0,
) -> dict[str, Any]:
    return {
        "speaker": speaker,
        "role": role,
        "episode": episode,
        "show": show,
        "section": section,
        "language": language,
        "date_from": date_from and date_from.date(),
        "date_to": date_to and date_to.date(),
        "mode": mode,
        "min_score": min_score,
    }


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes the filters as options, and gets them as `filters`: the fields of a search's schema."""
    own = inspect.signature(command, eval_str=True).parameters
    options = inspect.signature(_narrowed, eval_str=True).parameters

    def run(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in options}
        command(**given, filters=_narrowed(**chosen))

    parameters = [*(own[name] for name in own if name != "filters"), *options.values()]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__dict__["__signature__"] = inspect.Signature(parameters)
    return run
