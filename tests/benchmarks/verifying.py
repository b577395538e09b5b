"""How quotations of real interviews are judged, true and spoiled: `make bench-verify` prints the shares.

A thousand sentences of eight words and more, drawn from the index that `make bench-quality` made, are checked as they
stand and re-typeset; with one word changed; with a negation taken out; with a number changed; joined with a sentence of
another turn; under another person's name; and sentences of words drawn from all of them.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from embeddings.model_files import DEFAULT_MODEL, locate_model
from embeddings.runtimes import open_embedder
from indexer.generations import current_generation
from service.archive import Archive, assemble
from service.quotations import Quotation
from service.verify import FAIR, Verdict, verify

CACHE = Path("build/bench/archive")
COUNT = 1000
_SHORTEST = 8
_SEED = 11
_NEGATION = re.compile(r"\b(?:not|never|no) |n['’]t\b")
_STRANGE = ("banana", "quickly", "government", "happily", "seven", "Norwegian", "without", "perhaps")

_Case = tuple[str, str]


def main(arguments: Sequence[str]) -> int:
    index = Path(arguments[0]) if arguments else CACHE
    archive = assemble(current_generation(index), open_embedder(locate_model(DEFAULT_MODEL)))
    chance = random.Random(_SEED)
    true = sentences_of(archive, chance)
    others = [*true[1:], true[0]]
    names = sorted(archive.people.names)
    print(f"{archive.passages} passages, {len(true)} quotations")
    for name, cases, right in (
        ("as they stand", true, {Verdict.VERIFIED}),
        ("re-typeset", [(retypeset(text), who) for text, who in true], {Verdict.VERIFIED}),
        ("one word changed", [(one_word_changed(text, chance), who) for text, who in true], None),
        ("a negation dropped", changed(true, lambda text: _NEGATION.sub("", text, count=1)), None),
        ("a number changed", changed(true, number_changed), None),
        ("two turns joined", [(f"{a} {b}", who) for (a, who), (b, _) in zip(true, others, strict=True)], None),
        ("another's name", [(text, another(names, who, chance)) for text, who in true], {Verdict.MISATTRIBUTED}),
        ("invented", invented(true, chance), {Verdict.NOT_FOUND}),
    ):
        report(name, cases, right, archive)
    return 0


def report(name: str, cases: Sequence[_Case], right: set[Verdict] | None, archive: Archive) -> None:
    """Prints the share of right verdicts; None: any that is not fair."""
    started = time.perf_counter()
    found = verify([Quotation(text, 0, 0, who) for text, who in cases], archive)
    seconds = time.perf_counter() - started
    good = [entry.verdict in right if right else entry.verdict not in FAIR for entry in found]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(str(e.verdict) for e in found).most_common())
    share = sum(good) / len(good)
    print(
        f"{name:<20} {len(cases):>5}  right {share:7.2%}  {1000 * seconds / len(cases):5.1f} ms each  ({counts})",
        flush=True,
    )
    for entry, is_good in zip(found, good, strict=True):
        if not is_good:
            print(f"    {entry.verdict}: {entry.quotation.text[:100]!r}")


def sentences_of(archive: Archive, chance: random.Random) -> list[_Case]:
    """Sentences of the archive with their speakers, one of a passage."""
    numbers = chance.sample(range(archive.passages), min(archive.passages, 2 * COUNT))
    found = []
    for stored in archive.catalog.passages(sorted(numbers)):
        passage = stored.passage
        texts = [passage.text[a - passage.char_start : b - passage.char_start] for a, b in passage.sentences]
        long = [text for text in texts if len(text.split()) >= _SHORTEST]
        if long and passage.speaker:
            found.append((chance.choice(long), passage.speaker))
    chance.shuffle(found)
    return found[:COUNT]


def retypeset(text: str) -> str:
    return text.replace("'", "’").replace('"', "”").replace(" -- ", " — ").replace(" ", "\n", 1)


def one_word_changed(text: str, chance: random.Random) -> str:
    words = text.split()
    place = chance.randrange(1, len(words) - 1)
    words[place] = next(word for word in chance.sample(_STRANGE, 2) if word not in words[place])
    return " ".join(words)


def number_changed(text: str) -> str:
    return re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), text, count=1)


def changed(cases: Sequence[_Case], change: Callable[[str], str]) -> list[_Case]:
    """Those that the change makes different."""
    return [(other, who) for text, who in cases if (other := change(text)) != text]


def another(names: Sequence[str], who: str, chance: random.Random) -> str:
    return chance.choice([name for name in names if name != who])


def invented(cases: Sequence[_Case], chance: random.Random) -> list[_Case]:
    words = [word for text, _ in cases for word in text.split()]
    return [(" ".join(chance.sample(words, 14)), who) for _, who in cases[:200]]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
