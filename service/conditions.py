"""Conditions on what is stated of passages, alone or joined by and and or: exact, and worked out before the search.

Text is compared whole, without regard to case. A day is given as 2024-04-04, or as a time in ISO 8601 or seconds since
1970, which stands for its day in UTC. What is not stated equals nothing and lies in no range, so that a condition and
its negation always part the archive in two.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache, partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexer.columns import PassageColumns
from indexer.store import Catalog
from service.attributes import ATTRIBUTES, Table, Type, Value

Wanted: TypeAlias = str | int | float
# A mask is a byte for each passage.
_KEPT_MASKS = 8


class Relation(StrEnum):
    """How a passage's value is compared with those that are wanted; one of them is enough."""

    IS = "is"
    OVER = "over"
    FROM = "from"
    UNDER = "under"
    UP_TO = "up to"
    CONTAINS = "contains"
    STARTS = "starts with"
    ENDS = "ends with"
    STATED = "is stated"


_PARTS = (Relation.CONTAINS, Relation.STARTS, Relation.ENDS)
_COMPARED: dict[Relation, Callable[[str | float, str | float], bool]] = {
    Relation.OVER: operator.gt,
    Relation.FROM: operator.ge,
    Relation.UNDER: operator.lt,
    Relation.UP_TO: operator.le,
    Relation.CONTAINS: lambda value, wanted: str(wanted) in str(value),
    Relation.STARTS: lambda value, wanted: str(value).startswith(str(wanted)),
    Relation.ENDS: lambda value, wanted: str(value).endswith(str(wanted)),
}


class WrongCondition(ValueError):  # noqa: N818  the name says what is the matter
    """Nothing can be compared so; the message says what can."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one attribute must be. Made by `compare`, which checks it."""

    name: str
    test: Relation
    wanted: tuple[Wanted, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Compound:
    """All of some conditions, or one of them."""

    every: bool
    parts: tuple[Condition, ...]


Condition: TypeAlias = Comparison | Compound


def compare(name: str, test: Relation, wanted: Sequence[Wanted], *, negated: bool = False) -> Comparison:
    """A comparison, its values as they are compared.

    Raises:
        WrongCondition: there is no such attribute, or a value is not of its type.
    """
    attribute = ATTRIBUTES.get(name)
    if attribute is None:
        raise WrongCondition(f"there is no attribute {name!r}; there are {', '.join(ATTRIBUTES)}")
    if test in _PARTS and attribute.type is Type.NUMBER:
        raise WrongCondition(f"{name} is a number, which has no parts to compare")
    of_type = Type.TEXT if test in _PARTS else attribute.type
    return Comparison(name, test, tuple(_CONVERTED[of_type](name, value) for value in wanted), negated)


def names_in(condition: Condition) -> Iterator[str]:
    """The attributes that a condition speaks of, once for each comparison."""
    if isinstance(condition, Comparison):
        yield condition.name
    else:
        for part in condition.parts:
            yield from names_in(part)


class ConditionMasks:
    """Which passages conditions hold of; the last ones are kept, for several queries share one."""

    def __init__(self, catalog: Catalog, columns: PassageColumns) -> None:
        self._kept = lru_cache(_KEPT_MASKS)(partial(_mask, catalog, columns))

    def of(self, condition: Condition) -> NDArray[np.bool_]:
        """Bool, shape (passages,), not to be written to."""
        return self._kept(condition)


def _mask(catalog: Catalog, columns: PassageColumns, condition: Condition) -> NDArray[np.bool_]:
    mask = _holds(condition, Table(catalog, columns))
    mask.flags.writeable = False
    return mask


def _holds(condition: Condition, table: Table) -> NDArray[np.bool_]:
    if isinstance(condition, Comparison):
        column = ATTRIBUTES[condition.name].column(table)
        passes = _passing(condition)
        return np.array([passes(value) for value in column.values], dtype=np.bool_)[column.codes]
    mask = np.full(len(table.columns.kind), condition.every)
    for part in condition.parts:
        mask = mask & _holds(part, table) if condition.every else mask | _holds(part, table)
    return mask


def _passing(comparison: Comparison) -> Callable[[Value], bool]:
    """What a comparison says of one value."""
    test, negated, wanted = comparison.test, comparison.negated, frozenset(comparison.wanted)

    def passes(value: Value) -> bool:
        if value is None or value == "":
            return negated
        folded = _folded(value) if isinstance(value, str) else value
        if test is Relation.STATED:
            return not negated
        if test is Relation.IS:
            return (folded in wanted) != negated
        return any(_COMPARED[test](folded, one) for one in wanted) != negated

    return passes


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _text(name: str, value: Wanted) -> str:
    if not isinstance(value, str):
        raise WrongCondition(f"{name} is compared with text, not with {_shown(value)}")
    return _folded(value)


def _number(name: str, value: Wanted) -> float:
    if isinstance(value, bool | str) or not math.isfinite(value):
        raise WrongCondition(f"{name} is compared with a number, not with {_shown(value)}")
    return value


def _day(name: str, value: Wanted) -> str:
    try:
        return _as_day(value).isoformat()
    except (ValueError, OverflowError, OSError) as error:
        raise WrongCondition(
            f"{name} is compared with a day as 2024-04-04, or with seconds since 1970, not with {_shown(value)}"
        ) from error


def _as_day(value: Wanted) -> date:
    if isinstance(value, bool):
        raise ValueError("true and false are no days")  # noqa: TRY004  the caller's message is the one that is read
    # Eight digits are a day in ISO 8601 too; more or fewer are seconds, also as text.
    if isinstance(value, int | float) or (value.isdecimal() and len(value) != 8):
        return datetime.fromtimestamp(float(value), UTC).date()
    try:
        return date.fromisoformat(value)
    except ValueError:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date()


def _shown(value: Wanted) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)[:100]


_CONVERTED: dict[Type, Callable[[str, Wanted], Wanted]] = {Type.TEXT: _text, Type.NUMBER: _number, Type.DAY: _day}
