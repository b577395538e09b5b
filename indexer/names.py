"""When two spellings are one name."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_NAMES_REMEMBERED = 1 << 16
_TITLES = re.compile(r"^(?:dr|prof|professor|mr|mrs|ms|sir|dame|rev|hon)\.? (?=\S)", re.IGNORECASE)


def without_title(name: str) -> str:
    """A name without the form of address in front of it.

    >>> without_title("Dr. Ada Lovelace"), without_title("Drew Lovelace")
    ('Ada Lovelace', 'Drew Lovelace')
    """
    return _TITLES.sub("", name)


@lru_cache(_NAMES_REMEMBERED)
def name_key(name: str) -> str:
    """What is the same for all spellings of one name: case, accents and titles left out.

    >>> name_key("Dr. Noémie Tavares-Holm") == name_key("NOEMIE TAVARES-HOLM")
    True
    """
    plain = unicodedata.normalize("NFKD", without_title(name.strip()))
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).casefold().split())
