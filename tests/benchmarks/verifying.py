"""How quotations of real interviews are judged, true and spoiled: `make bench-verify` prints the shares.

A thousand sentences of eight words and more, drawn from the index that `make bench-quality` made, are checked as they
stand and re-typeset; with one word changed; with a negation, a number or a hedge changed; joined with a sentence of
another turn; under another person's name; and sentences that nobody said: those of the sample interviews, those of
`invented.txt`, to which no rule was fitted, and words drawn from all sentences. Where fewer than a thousand hold a
number, more are drawn until there are enough.

The same sentences stand in drafts as writers have them, each with its own speaker and with another one, in every way of
naming whom a quotation is of, by family name where that is usual.

Then a draft of 10,000 words with 100 quotations is checked, beside two references: looking for each quotation in every
turn with `str.find`, which finds those alone that stand there to the letter, and embedding them.
"""

from __future__ import annotations

import random
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from embeddings.model_files import DEFAULT_MODEL, locate_model
from embeddings.runtimes import open_embedder
from indexer.drafts import draft_of
from indexer.generations import current_generation
from indexer.parsers import parse_transcript
from indexer.sentences import sentence_spans
from service.archive import Archive, assemble
from service.quotations import Quotation
from service.verify import FAIR, Verdict, verify
from service.verify_answers import verified_draft
from service.words import compared

CACHE = Path("build/bench/archive")
SEEDS = Path("seeds")
COUNT = 1000
_SHORTEST = 8
_SEED = 11
_TIMES = 5
_SHOWN = 20
_Made = TypeVar("_Made")
_NEGATION = re.compile(r"\b(?:not|never|no) |n['’]t\b")
_HEDGE = re.compile(r"\b(?:maybe|perhaps|probably|might|usually|almost|sometimes|often|mostly|likely) ", re.IGNORECASE)
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "hundred", "million")
_NUMBER = re.compile(rf"\d|\b(?:{'|'.join(_NUMBERS)})\b")
_PROSE = (
    "The harbour was quiet when we came back, and the ferry had gone. Nobody on the quay knew which of the boats would "
    "leave first, so we sat down beside the nets and waited for the evening. A dog slept under the bench. "
)
# `who`: the full name; `family`: its last word.
_WAYS = (
    "{who} said: “{text}”",
    "{who} said:\n\n“{text}”",
    "“{text}”\n\n— {who}",
    "**{who}:** “{text}”",
    "As {family} put it, “{text}”",
    "But {family} insists: “{text}”",
    "When {family} spoke, she said: “{text}”",
    "On Monday {family} said “{text}”",
    "Professor {family} told me: “{text}”",
    "As noted by {family}, “{text}”",
    "In {family}'s words, “{text}”",
    "For {family}, “{text}”",
    "{family} is blunt. “{text}”",
    "“{text}” ({family})",
    "“{text}” ({family} 00:07:59)",
)
# Of the sentences, those that are put into drafts in every way.
_IN_DRAFTS = 100

_Case = tuple[str, str]


def main(arguments: Sequence[str]) -> int:
    index = Path(arguments[0]) if arguments else CACHE
    archive = assemble(current_generation(index), open_embedder(locate_model(DEFAULT_MODEL)))
    chance = random.Random(_SEED)
    drawn = sentences_of(archive, chance)
    true = drawn[:COUNT]
    others = [*true[1:], true[0]]
    names = sorted(archive.people.names)
    words = [word for text, _ in true for word in text.split() if compared(word.strip(".,?!")).isalpha()]
    print(f"{archive.passages} passages, {len(true)} quotations")
    for name, cases, right in (
        ("as they stand", true, {Verdict.VERIFIED}),
        ("re-typeset", [(retypeset(text), who) for text, who in true], {Verdict.VERIFIED}),
        ("one word changed", [(one_word_changed(text, words, chance), who) for text, who in true], None),
        ("a negation dropped", changed(drawn, lambda text: _NEGATION.sub("", text, count=1)), None),
        ("a number changed", changed(drawn, number_changed), None),
        ("a hedge dropped", changed(drawn, lambda text: _HEDGE.sub("", text, count=1)), None),
        ("two turns joined", [(f"{a} {b}", who) for (a, who), (b, _) in zip(true, others, strict=True)], None),
        ("another's name", [(text, another(names, who, chance)) for text, who in true], {Verdict.MISATTRIBUTED}),
        ("invented", [(text, chance.choice(names)) for text in invented()], {Verdict.NOT_FOUND}),
        ("invented later", [(text, chance.choice(names)) for text in invented_later()], {Verdict.NOT_FOUND}),
        ("words at random", at_random(true, chance), {Verdict.NOT_FOUND}),
    ):
        report(name, cases, right, archive)
    report_ways([case for case in true if not re.search(r"[\"“”‘\[\]]", case[0])][:_IN_DRAFTS], names, chance, archive)
    report_draft(drawn, chance, archive)
    return 0


def report_ways(cases: Sequence[_Case], names: Sequence[str], chance: random.Random, archive: Archive) -> None:
    """Prints how often a speaker that a draft names is recognised, the true one and another."""
    for name, right in (("named rightly", Verdict.VERIFIED), ("named wrongly", Verdict.MISATTRIBUTED)):
        wrong: list[str] = []
        for way in _WAYS:
            for text, speaker in cases:
                who = speaker if right is Verdict.VERIFIED else of_another_family(names, speaker, chance)
                draft = way.format(who=who, family=who.split()[-1], text=text)
                [result] = verified_draft(draft_of(draft), (), archive).results
                if result.verdict is not right:
                    wrong.append(f"{result.verdict}: {draft[:100]!r}, given to {result.attributed_to}")
        count = len(_WAYS) * len(cases)
        print(f"{name:<20} {count:>5}  right {1 - len(wrong) / count:7.2%}  in {len(_WAYS)} ways", flush=True)
        for line in wrong[:_SHOWN]:
            print(f"    {line}")


def of_another_family(names: Sequence[str], who: str, chance: random.Random) -> str:
    """Somebody who shares no part of a name."""
    return next(name for name in iter(lambda: chance.choice(names), "") if not {*name.split()} & {*who.split()})


def report_draft(drawn: Sequence[_Case], chance: random.Random, archive: Archive) -> None:
    """Prints how long a draft of 10,000 words with 100 quotations takes, and what else takes as long."""
    chosen = chance.sample(drawn, 80)
    words = [word for text, _ in drawn for word in text.split()]
    spoiled = [(one_word_changed(text, words, chance), who) for text, who in chance.sample(drawn, 10)]
    quotations = [*chosen, *spoiled, *((text, chance.choice(drawn)[1]) for text in chance.sample(invented(), 10))]
    chance.shuffle(quotations)
    text = "".join(
        f"{_PROSE}As {who} says: “{' '.join(quoted.split())}” So we heard.\n\n" for quoted, who in quotations
    )
    text += _PROSE * max(0, (10_000 - len(text.split())) // len(_PROSE.split()))
    draft = draft_of(text)
    response, seconds, cpu = timed(lambda: verified_draft(draft, (), archive))
    counts = ", ".join(f"{count} {verdict}" for verdict, count in response.summary.items())
    print(f"a draft of {len(text.split())} words: {len(response.results)} quotations ({counts})")
    print(f"    checked in                       {seconds:6.2f} s, {cpu:.2f} s of them computing")
    turns = [turn.text for row in archive.catalog.episodes for _, _, turn in archive.catalog.turns(row.number)]
    held, seconds, cpu = timed(lambda: sum(any(quoted in turn for turn in turns) for quoted, _ in quotations))
    print(
        f"    str.find in {len(turns):6} turns        {seconds:6.2f} s, {cpu:.2f} s of them computing; it finds {held}"
    )
    _, seconds, cpu = timed(lambda: archive.embedder.embed_queries([quoted for quoted, _ in quotations]))
    print(f"    embedding the 100 quotations     {seconds:6.2f} s, {cpu:.2f} s of them computing")


def timed(work: Callable[[], _Made]) -> tuple[_Made, float, float]:
    """What some work makes, and the medians of the seconds that it takes, by the clock and of the processor."""
    made = work()
    clock, cpu = [], []
    for _ in range(_TIMES):
        started, computed = time.perf_counter(), time.process_time()
        work()
        clock.append(time.perf_counter() - started)
        cpu.append(time.process_time() - computed)
    return made, statistics.median(clock), statistics.median(cpu)


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
    """Sentences of the archive with their speakers, one of a passage, in no order."""
    found = []
    for stored in archive.catalog.all_passages():
        passage = stored.passage
        texts = [passage.text[a - passage.char_start : b - passage.char_start] for a, b in passage.sentences]
        long = [text for text in texts if len(text.split()) >= _SHORTEST]
        if long and passage.speaker:
            found.append((chance.choice(long), passage.speaker))
    chance.shuffle(found)
    return found


def retypeset(text: str) -> str:
    """Curly quotation marks, a long dash, a thin blank, a line break, a word in italics."""
    text = text.replace("'", "’").replace('"', "”").replace(" -- ", " — ").replace(" - ", "\u2009–\u2009")
    first, *middle, last = text.split(" ")
    return "\n".join((first, " ".join(middle).replace(" ", "\u00a0", 1), last))


def one_word_changed(text: str, words: Sequence[str], chance: random.Random) -> str:
    """A word in the midst of a sentence becomes one of some others."""
    held = text.split()
    place = chance.randrange(1, len(held) - 1)
    here = compared(held[place].strip(".,?!;:\"'"))
    held[place] = next(word for word in iter(lambda: chance.choice(words), "") if compared(word.strip(".,?!")) != here)
    return " ".join(held)


def number_changed(text: str) -> str:
    def other(match: re.Match[str]) -> str:
        if match[0].isdigit():
            return str((int(match[0]) + 1) % 10)
        return _NUMBERS[(_NUMBERS.index(match[0]) + 1) % len(_NUMBERS)]

    return _NUMBER.sub(other, text, count=1)


def changed(cases: Sequence[_Case], change: Callable[[str], str]) -> list[_Case]:
    """A thousand of those that the change makes different."""
    return [(other, who) for text, who in cases if (other := change(text)) != text][:COUNT]


def another(names: Sequence[str], who: str, chance: random.Random) -> str:
    return chance.choice([name for name in names if name != who])


def invented() -> list[str]:
    """Sentences that nobody in the archive says: those of the sample interviews, which are made up."""
    found = []
    for path in sorted(SEEDS.iterdir()):
        if path.suffix not in (".jsonl", ".yaml"):
            _, transcript = parse_transcript(path.read_bytes())
            for utterance in transcript.utterances:
                spans = sentence_spans(utterance.text)
                found += [utterance.text[start:end] for start, end in spans]
    return [text for text in found if len(text.split()) >= _SHORTEST]


def invented_later() -> list[str]:
    """Sentences as experts say them, made up by somebody who knew neither the rules nor the archive.

    They are for reporting: a rule that is fitted to them needs others to be reported on.
    """
    return Path(__file__).with_name("invented.txt").read_text(encoding="utf-8").splitlines()


def at_random(cases: Sequence[_Case], chance: random.Random) -> list[_Case]:
    words = [word for text, _ in cases for word in text.split()]
    return [(" ".join(chance.sample(words, 14)), who) for _, who in cases[:200]]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
