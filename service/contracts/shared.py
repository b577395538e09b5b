"""What the contracts of others have in common: how the archive is called, and what their filters come to."""

from __future__ import annotations

from abc import abstractmethod

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from indexer.types import Kind
from service.archive import Archive
from service.conditions import Condition, WrongCondition, names_in
from service.filters import Filters

# They know many stores. There is one archive here, and it has this name.
ARCHIVE_ID = "onrecord"
MAX_COMPARISONS = 100


class Comparison(BaseModel):
    """One attribute against a value, in the words of a contract. What cannot be compared is refused as it is read."""

    model_config = ConfigDict(extra="forbid")

    @abstractmethod
    def condition(self) -> Condition:
        """What it comes to.

        Raises:
            WrongCondition: it cannot be compared.
        """

    @model_validator(mode="after")
    def _can_be_compared(self) -> Comparison:
        try:
            self.condition()
        except WrongCondition as error:
            raise PydanticCustomError("condition", "{reason}", {"reason": str(error)}) from error
        return self


def is_called(name: str, archive: Archive) -> bool:
    """Whether the archive is meant: by its name, or by the generation that is live."""
    return name in (ARCHIVE_ID, archive.generation.manifest.id)


def narrowed(condition: Condition | None) -> Filters:
    """The filters of a condition. It decides on segment kinds where it speaks of them; else content is searched."""
    if condition is not None and "kind" in names_in(condition):
        return Filters(kinds=tuple(Kind), condition=condition)
    return Filters(condition=condition)
