"""How many tokens a text is to a language model at most, without its tokenizer, and what fits into so many.

A host shows a model what a tool answered, and cuts too long an answer anywhere. So it is kept short here, and cut where
a thought ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import BaseModel

# Letters by fives and digits by twos are shorter than what byte-pair tokenizers make of prose and of ids; every mark
# counts. Outside ASCII a character may be two tokens.
_ASCII = re.compile(r"[A-Za-z]{1,5}|\d{1,2}|[^\sA-Za-z\d]|\n+|[^\S\n]{2,}", re.ASCII)
_OTHER = re.compile(r"[^\x00-\x7f]")


def most_tokens(text: str) -> int:
    """A number of tokens that a text does not exceed.

    >>> most_tokens("It's always, in the end, the nurse."), most_tokens('{"id":"8309135c"}'), most_tokens("“Так”")
    (13, 13, 10)
    """
    others = len(_OTHER.findall(text))
    return len(_ASCII.findall(_OTHER.sub("", text) if others else text)) + 2 * others


def json_tokens(model: BaseModel) -> int:
    """The same for a model as it is written."""
    return most_tokens(model.model_dump_json(exclude_defaults=True))


def fitting(entries: Iterable[BaseModel], budget: int) -> int:
    """How many of the first entries fit into a budget together."""
    fit = 0
    for entry in entries:
        budget -= json_tokens(entry) + 1
        if budget < 0:
            break
        fit += 1
    return fit
