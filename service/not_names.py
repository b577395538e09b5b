"""English words that a sentence begins with, or that stand in front of a name, with a capital letter: no part of it.

`But Brandvold insists` names Brandvold. What the list does not know is taken for a part of the name: `Ada Brandvold`
is somebody else than Ilse Brandvold, and whoever is quoted may be unknown to the archive.
"""

from __future__ import annotations

import re

_WORDS = frozenset(
    # What joins and what opens.
    """a after afterwards again against ago all almost already also although always among an and another any anyway
    apart around as aside at back because before behind below beside besides between both but by certainly clearly
    consequently despite during each early earlier either elsewhere even eventually ever every everybody everyone
    everywhere except few finally first for fortunately from further given hardly hence here how however if in indeed
    instead into is it its just last lastly late later least less like likewise little many maybe meanwhile more
    moreover most much my near neither never nevertheless next no nobody none nonetheless nor not nothing now nowadays
    of off often on once one only onto or other others otherwise our out outside over overall per perhaps possibly
    probably quite rather regarding same second several shortly similarly since so some somebody somehow someone
    sometimes somewhere soon still such surely than that the their then there thereafter therefore these they third
    this those though three through throughout thus to today together tomorrow tonight too toward towards two under
    unless unlike until up upon usually via was we well were what whatever when whenever where whereas wherever whether
    which while who whoever whom whose why with within without would yes yesterday yet you your he she his her
    hers him i me them us do does did has have had can could may might must shall should be been being am are"""
    # Days; months are names too, and need a word in front of them.
    """ monday tuesday wednesday thursday friday saturday sunday"""
    # What people are called by, in front of a name or in its place.
    """ dr doctor prof professor mr mrs ms miss mx sir lady lord dame madam president vice chancellor minister secretary
    senator congressman congresswoman representative governor mayor judge justice captain colonel general major
    sergeant officer father mother sister brother uncle aunt king queen prince princess saint reverend rabbi imam
    bishop coach chef chief ceo cto cfo coo founder cofounder co-founder chairman chairwoman chair director head lead
    manager partner engineer scientist researcher economist physicist chemist biologist mathematician historian
    philosopher psychologist sociologist linguist physician surgeon nurse lawyer attorney journalist reporter editor
    writer author novelist poet critic columnist blogger podcaster host guest interviewer moderator speaker analyst
    investor entrepreneur developer programmer designer architect teacher lecturer student entrepreneur consultant
    advisor adviser expert veteran artist musician composer producer filmmaker actor actress comedian activist
    organizer organiser old young former late then-president ex""".split()
)
_MONTHS = frozenset("january february march april may june july august september october november december".split())
_OF_TIME = re.compile(
    r"\b(?:in|of|since|until|till|by|from|last|this|next|early|late|mid|every|during)[ -]\Z", re.IGNORECASE
)
_SHORTEST_ADVERB = 8
_ADVERBS_THAT_ARE_NAMES = frozenset(("kimberly", "beverly", "kimberley", "beverley", "everly"))


def is_no_name(word: str, before: str = "") -> bool:
    """Whether a word that begins with a capital letter is no part of a name.

    Args:
        before: what stands in front of it.

    >>> is_no_name("But"), is_no_name("Unfortunately"), is_no_name("Ada")
    (True, True, False)
    >>> is_no_name("June", "We met in "), is_no_name("June", "So ")
    (True, False)
    """
    lower = word.rstrip(".").casefold()
    if lower in _MONTHS:
        return _OF_TIME.search(before) is not None
    if lower in _WORDS:
        return True
    return lower.endswith("ly") and len(lower) >= _SHORTEST_ADVERB and lower not in _ADVERBS_THAT_ARE_NAMES
