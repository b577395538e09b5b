"""A model that was trained on archives, and whether it is better than the one that it was made of."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from math import comb
from pathlib import Path

from embeddings.base import Embedder, Fingerprint
from embeddings.model_files import ModelFolder, fingerprint, locate_model
from indexer.catalog import CatalogReader
from indexer.errors import IndexMismatch, OnRecordError
from indexer.generations import Generation, current_generation
from indexer.lexical import LexicalReader
from indexer.progress import Progress
from indexer.reembed import reembedded
from indexer.vectors import VectorReader
from service.archive import assemble
from service.evaluate import COMPARED, Difference, Judged, Metrics, Question, compare, judge, measure
from service.ranking import Mode
from training.card import card
from training.heldout import held_out_episodes, judge_held_out
from training.labelled import labelled_pairs
from training.negatives import Example, with_negatives
from training.pairs import Mined, Pair, Source, drawn_pairs, mine_pairs
from training.trainer import Recipe, save, train

# The least to learn from, and to tell by whether something was learnt.
_LEAST_PAIRS = 64
_LEAST_HELD_OUT = 10
HELD_OUT = "held-out episodes"
LABELLED = "held-out episodes, of those to learn from"
YOUR_QUESTIONS = "your own list"
_RECIPE = "recipe.json"
_SURE = 0.05


class NothingToLearnError(OnRecordError):
    """Archives hold too little to train a model on."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both models on the same questions; `differences` are those of the new one less the old one."""

    old: Metrics
    new: Metrics
    differences: Mapping[str, Difference]

    @property
    def is_better(self) -> bool:
        """MRR@10 is surely higher, by its 95 % interval and by how many questions gain and lose; nothing is lower."""
        gain = self.differences["mrr_at_10"]
        return gain.low > 0 and _chance(gain.won, gain.lost) < _SURE and self.is_not_worse

    @property
    def is_not_worse(self) -> bool:
        """No metric is surely lower, by its 95 % interval."""
        return not any(self.differences[name].high < 0 for name in COMPARED)


@dataclass(frozen=True, slots=True)
class Adapted:
    """`pairs`: how many were learnt from, by their source. `dropped`: how many were not, by why."""

    folder: Path
    pairs: Mapping[str, int]
    dropped: Mapping[str, int]
    losses: tuple[float, ...]
    compared: Mapping[str, Comparison]

    @property
    def is_recommended(self) -> bool:
        """Better on questions of the held-out episodes, and on nothing that was measured worse."""
        held_out = [one for name, one in self.compared.items() if name != YOUR_QUESTIONS]
        return any(one.is_better for one in held_out) and all(one.is_not_worse for one in self.compared.values())


def adapt(
    indexes: Sequence[Path],
    base: ModelFolder,
    open_embedder: Callable[[ModelFolder], Embedder],
    recipe: Recipe,
    out: Path,
    questions: Sequence[Question],
    progress: Progress,
    labelled: Sequence[Question] = (),
) -> Adapted:
    """Trains a model on the archives in some indexes, measures it beside the one that it is made of, and writes it.

    A run that was interrupted goes on where it stopped. Nothing is at `out` before all is done.

    Args:
        base: what made the indexes' vectors.
        questions: asked of the first index with both models, beside the held-out episodes' own.
        labelled: learnt from, beside what is mined; those of held-out episodes are asked of both models.

    Raises:
        NothingToLearnError: the archives are too small.
        IndexMismatch: an index is of another model.
        OnRecordError: `out` is there already, or a question is to be learnt from and to measure.
    """
    if out.exists():
        raise OnRecordError(f"{out}: is there already. Give another --out, or remove it.")
    _refuse_both(labelled, questions)
    stated = fingerprint(base)
    generations = [_opened(index, stated) for index in indexes]
    lessons = [_lesson(generation, labelled, recipe.seed) for generation in generations]
    examples, unfit, before = _learnt_from(lessons, generations[0], questions, open_embedder(base), recipe, progress)
    dropped = sum((Counter(lesson.mined.dropped) for lesson in lessons), unfit)
    answered = set().union(*(lesson.labelled for lesson in lessons))
    if unanswered := len(labelled) - len(answered):
        dropped["labelled, and no passage of these archives holds an anchor"] = unanswered
    _refuse_too_little(len(examples), sum(map(len, before.values())), dropped)
    with _work_folder(out, base, recipe, examples) as work:
        made = work / "model"
        losses = _train_into(made, base, examples, recipe, work, progress)
        embedder = open_embedder(locate_model(str(made)))
        with tempfile.TemporaryDirectory(dir=work) as folder:
            other = reembedded(generations[0], Path(folder), embedder, progress) if questions else generations[0]
            after = _judged(lessons, other, questions, embedder)
        adapted = Adapted(
            folder=out,
            pairs=Counter(example.pair.source.value for example in examples),
            dropped=dropped,
            losses=losses,
            compared={name: _comparison(after[name], before[name]) for name in before},
        )
        (made / "README.md").write_text(card(adapted, base, recipe), encoding="utf-8")
        made.rename(out)
    return adapted


@dataclass(frozen=True, slots=True)
class _Lesson:
    """What an archive teaches, and the episodes that nothing is learnt from."""

    folder: Path
    catalog: CatalogReader
    lexical: LexicalReader
    mined: Mined
    labelled: Mapping[int, Sequence[Pair]]
    held_out: set[int]

    @property
    def pairs_of_labelled(self) -> list[Pair]:
        return [pair for pairs in self.labelled.values() for pair in pairs]

    def taught(self, pairs: Iterable[Pair]) -> list[Pair]:
        return [pair for pair in pairs if pair.episode not in self.held_out]

    def judged(self, embedder: Embedder) -> list[Judged]:
        pairs = [*self.mined.pairs, *self.pairs_of_labelled]
        return judge_held_out(pairs, self.catalog, self.lexical, self.held_out, embedder)


def _lesson(generation: Generation, labelled: Sequence[Question], seed: int) -> _Lesson:
    catalog = CatalogReader(generation.folder)
    return _Lesson(
        generation.folder,
        catalog,
        LexicalReader(generation.folder),
        mine_pairs(catalog, seed),
        labelled_pairs(labelled, catalog, seed),
        held_out_episodes(catalog),
    )


def _learnt_from(
    lessons: Sequence[_Lesson],
    first: Generation,
    questions: Sequence[Question],
    embedder: Embedder,
    recipe: Recipe,
    progress: Progress,
) -> tuple[list[Example], Counter[str], dict[str, list[Judged]]]:
    """What the new model is to learn, what not, and what the old one finds: all for which the old one is needed."""
    total = sum(len(lesson.taught(lesson.mined.pairs)) for lesson in lessons)
    examples: list[Example] = []
    dropped: Counter[str] = Counter()
    for lesson in lessons:
        labelled = lesson.taught(lesson.pairs_of_labelled)
        pairs = drawn_pairs(lesson.taught(lesson.mined.pairs), recipe.seed)
        vectors = VectorReader(lesson.folder)
        for some, limit in ((labelled, len(labelled)), (pairs, round(recipe.pairs * len(pairs) / max(1, total)))):
            fit, unfit = with_negatives(
                some, limit, lesson.catalog, vectors, lesson.lexical, embedder, lesson.held_out, recipe.seed, progress
            )
            examples += fit
            dropped += unfit
    return examples, dropped, _judged(lessons, first, questions, embedder)


def _judged(
    lessons: Sequence[_Lesson], generation: Generation, questions: Sequence[Question], embedder: Embedder
) -> dict[str, list[Judged]]:
    """What a model finds of the held-out questions, and of somebody's own in a generation of its vectors."""
    held_out = [one for lesson in lessons for one in lesson.judged(embedder)]
    judged = {HELD_OUT: [one for one in held_out if one.question.kind == Source.QUESTION]}
    if labelled := [one for one in held_out if one.question.kind == Source.LABELLED]:
        judged[LABELLED] = labelled
    if questions:
        with closing(assemble(generation, embedder)) as archive:
            judged[YOUR_QUESTIONS] = judge(questions, archive, Mode.HYBRID)
    return judged


def _train_into(
    folder: Path, base: ModelFolder, examples: Sequence[Example], recipe: Recipe, work: Path, progress: Progress
) -> tuple[float, ...]:
    """Trains a model and writes it into a folder. Returns the losses."""
    trained = train(base, examples, recipe, work, progress)
    shutil.rmtree(folder, ignore_errors=True)
    save(trained, base, recipe, folder)
    return trained.losses


def _opened(index: Path, model: Fingerprint) -> Generation:
    generation = current_generation(index)
    stated = Fingerprint(**generation.manifest.model)
    if not stated.comparable_with(model):
        raise IndexMismatch(
            f"{index}: its vectors are of {stated.name}, and {model.name} is to be trained. Give --model "
            f"{stated.name}, or index the transcripts with the other one first."
        )
    return generation


def _refuse_both(labelled: Sequence[Question], questions: Sequence[Question]) -> None:
    learnt = {question.query.casefold() for question in labelled}
    if both := [question.query for question in questions if question.query.casefold() in learnt]:
        raise OnRecordError(
            f"{len(both)} questions are to be learnt from and to measure, the first of them {both[0]!r}. What was "
            "learnt measures nothing: leave them out of one of the two lists."
        )


def _refuse_too_little(examples: int, held_out: int, dropped: Mapping[str, int]) -> None:
    if examples < _LEAST_PAIRS or held_out < _LEAST_HELD_OUT:
        others = ", ".join(f"{count} {why}" for why, count in sorted(dropped.items())) or "none"
        raise NothingToLearnError(
            f"There are {examples} pairs to learn from and {held_out} questions in the held-out episodes; at least "
            f"{_LEAST_PAIRS} and {_LEAST_HELD_OUT} are needed. Give more interviews. Not learnt from: {others}."
        )


def _chance(won: int, lost: int) -> float:
    """How likely so uneven a division is where neither is better (sign test, both sides).

    >>> _chance(5, 0), _chance(9, 1) < 0.05
    (0.0625, True)
    """
    tosses = won + lost
    as_uneven = sum(comb(tosses, heads) for heads in range(min(won, lost) + 1))
    return min(1.0, 2 * as_uneven / (1 << tosses))


def _comparison(new: Sequence[Judged], old: Sequence[Judged]) -> Comparison:
    return Comparison(measure(old), measure(new), compare(new, old))


@contextmanager
def _work_folder(out: Path, base: ModelFolder, recipe: Recipe, examples: Sequence[Example]) -> Iterator[Path]:
    """A folder beside `out`, kept if the run is cut off and found again by one that is to make the same."""
    work = out.with_name(f"{out.name}.unfinished")
    digest = hashlib.sha256()
    for example in examples:
        digest.update(f"{example}\0".encode())
    stated = json.dumps({"base": fingerprint(base).to_json(), **asdict(recipe), "examples": digest.hexdigest()})
    if not (work / _RECIPE).is_file() or (work / _RECIPE).read_text(encoding="utf-8") != stated:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        (work / _RECIPE).write_text(stated, encoding="utf-8")
    yield work
    shutil.rmtree(work)
