"""Contexts for a language model: whole exchanges, as many as a budget of tokens holds.

Each passage that answers the query brings its exchange: what was asked, and the answer. Passages of one exchange bring
it once. A long answer is trimmed at sentences, around what was found; a long question keeps its end, where the question
is. No answer goes without its question. What room is left when nothing more is to be had goes to what was trimmed, best
first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from indexer.types import Kind, Role
from service.archive import Archive
from service.exchange import Place, exchange_of
from service.search import Hit
from service.trimming import keep_around

# Tokens beyond which an answer and a question are trimmed while there is more to be had.
LONG_ANSWER = 350
LONG_QUESTION = 45
_TRIES = 4

Count = Callable[[str], int]
_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Said:
    """Whole sentences of one turn that stand together: `text` is `[char_start:char_end]` of the canonical text.

    `sentences`: (start, end) of each in the canonical text. `after_gap`: what was said right before is left out.
    """

    turn: int
    speaker: str | None
    role: Role
    text: str
    char_start: int
    char_end: int
    sentences: tuple[_Span, ...]
    after_gap: bool


@dataclass(frozen=True, slots=True)
class Block:
    """An exchange, or what is left of it.

    `hits`: what was found in it, best first. `question`: empty where nobody asks. `ends_early`: the rest of the answer
    is left out.
    """

    hits: tuple[Hit, ...]
    question: tuple[Said, ...]
    answer: tuple[Said, ...]
    ends_early: bool

    @property
    def is_trimmed(self) -> bool:
        return self.ends_early or any(said.after_gap for said in self.answer)


@dataclass(frozen=True, slots=True)
class _Sentence:
    turn: int
    start: int
    end: int


def pack(
    hits: Sequence[Hit], room: int, count: Count, cost: Callable[[Block], int], kinds: Sequence[Kind], archive: Archive
) -> list[Block]:
    """As many exchanges as there is room for, best first.

    Args:
        room: tokens.
        cost: how many tokens a block takes, with all that is put around its words.
        kinds: turns of other kinds are left out of the answers.
    """
    packed: list[tuple[_Exchange, Block, int]] = []
    for exchange in _exchanges(hits, count, kinds, archive):
        if found := _fitting(exchange, LONG_ANSWER, room, cost):
            packed.append((exchange, *found))
            room -= found[1]
    blocks = []
    for exchange, block, tokens in packed:
        more = _fitting(exchange, LONG_ANSWER + room, tokens + room, cost) if block.is_trimmed else None
        larger, taken = more if more and more[1] > tokens else (block, tokens)
        room -= taken - tokens
        blocks.append(larger)
    return blocks


def _fitting(exchange: _Exchange, limit: int, room: int, cost: Callable[[Block], int]) -> tuple[Block, int] | None:
    """The exchange with an answer of about `limit` tokens, or fewer if there is no room for so many; and its cost."""
    limit = min(limit, room)
    for _ in range(_TRIES):
        block = exchange.trimmed(limit)
        if block is None:
            return None
        tokens = cost(block)
        if tokens <= room:
            return block, tokens
        limit -= tokens - room
    return None


def _exchanges(hits: Sequence[Hit], count: Count, kinds: Sequence[Kind], archive: Archive) -> list[_Exchange]:
    """The exchanges of some hits, each once, in the order of its best hit; those that share a turn are one."""
    exchanges: list[_Exchange] = []
    for hit in hits:
        found = exchange_of(hit.stored, archive)
        turns = {place[0]: place for place in (found.question, *found.answer) if place}
        same = next((one for one in exchanges if one.shares(hit, turns)), None)
        if same is None:
            exchanges.append(_Exchange(hit, found.question, turns, count, kinds, archive))
        else:
            same.join(hit, found.question, turns)
    return exchanges


class _Exchange:
    """A question and its answer, by the numbers of their turns, and what was found there. Joined first, then read."""

    def __init__(
        self,
        hit: Hit,
        question: Place | None,
        turns: Mapping[int, Place],
        count: Count,
        kinds: Sequence[Kind],
        archive: Archive,
    ) -> None:
        self._hits = [hit]
        self._episode = hit.stored.episode
        self._question = question
        self._turns = dict(turns)
        self._count = lru_cache(None)(count)
        self._kinds = kinds
        self._archive = archive
        self._roles = {voice.name: voice.role for voice in archive.voices_of[self._episode]}

    def shares(self, hit: Hit, turns: Mapping[int, Place]) -> bool:
        """Whether some turns of a hit's episode are this exchange's too."""
        return hit.stored.episode == self._episode and bool(self._turns.keys() & turns.keys())

    def join(self, hit: Hit, question: Place | None, turns: Mapping[int, Place]) -> None:
        """Takes in another hit, with its exchange."""
        self._hits.append(hit)
        self._turns.update(turns)
        questions = [place for place in (self._question, question) if place]
        self._question = min(questions, key=lambda place: place[0], default=None)

    def trimmed(self, limit: int) -> Block | None:
        """The exchange with an answer of up to `limit` tokens; None where not even the best sentence fits."""
        sentences = self._answer
        kept = keep_around(self._found, len(sentences), lambda place: self._tokens(sentences[place]), limit)
        if not kept:
            return None
        return Block(
            hits=tuple(self._hits),
            question=self._question_said,
            answer=self._said(sentences, kept),
            ends_early=max(kept) < len(sentences) - 1,
        )

    @cached_property
    def _answer(self) -> list[_Sentence]:
        asked = self._question[0] if self._question else None
        return self._sentences_of([turn for turn in sorted(self._turns) if turn != asked], self._kinds)

    @cached_property
    def _found(self) -> list[tuple[int, range]]:
        return [place for hit in self._hits if (place := _place_in(self._answer, hit))]

    @cached_property
    def _question_said(self) -> tuple[Said, ...]:
        """What was asked: the end of a long question, and what was found in it."""
        if self._question is None:
            return ()
        asked = [self._question[0]]
        sentences = self._sentences_of(asked, self._kinds) or self._sentences_of(asked, tuple(Kind))
        last = len(sentences) - 1
        wanted = {last, *(place[0] for hit in self._hits if (place := _place_in(sentences, hit)))}
        limit = max(LONG_QUESTION, sum(self._tokens(sentences[place]) for place in wanted))
        found = [(place, range(place, place + 1)) for place in sorted(wanted, reverse=True)]
        kept = keep_around(found, last + 1, lambda place: self._tokens(sentences[place]), limit)
        return self._said(sentences, kept)

    def _sentences_of(self, turns: Sequence[int], kinds: Sequence[Kind]) -> list[_Sentence]:
        """The sentences of some turns that are of some kinds; a turn without passages is one sentence."""
        held = self._archive.catalog.sentences_of(self._episode, turns)
        sentences = []
        for number in turns:
            _, start, end, turn = self._turns[number]
            if held[number]:
                sentences += [_Sentence(number, *span) for span, kind in held[number] if kind in kinds]
            elif turn.kind in kinds and turn.text.strip():
                sentences.append(_Sentence(number, start, end))
        return sentences

    def _said(self, sentences: Sequence[_Sentence], kept: Collection[int]) -> tuple[Said, ...]:
        """The sentences that are kept, those that stand together in one turn as one."""
        runs: list[list[int]] = []
        for place in sorted(kept):
            if runs and runs[-1][-1] == place - 1 and sentences[place].turn == sentences[place - 1].turn:
                runs[-1].append(place)
            else:
                runs.append([place])
        return tuple(
            self._said_together([sentences[place] for place in run], after_gap=run[0] > 0 and run[0] - 1 not in kept)
            for run in runs
        )

    def _said_together(self, sentences: Sequence[_Sentence], *, after_gap: bool) -> Said:
        number, start, end = sentences[0].turn, sentences[0].start, sentences[-1].end
        speaker = self._turns[number][3].speaker
        return Said(
            turn=number,
            speaker=speaker,
            role=self._roles.get(speaker, Role.UNKNOWN),
            text=self._text(number, start, end),
            char_start=start,
            char_end=end,
            sentences=tuple((one.start, one.end) for one in sentences),
            after_gap=after_gap,
        )

    def _tokens(self, sentence: _Sentence) -> int:
        """Of a sentence, with the name in front of its turn's first one."""
        _, offset, _, turn = self._turns[sentence.turn]
        name = f"{turn.speaker}: " if sentence.start == offset else ""
        return self._count(name + self._text(sentence.turn, sentence.start, sentence.end))

    def _text(self, number: int, start: int, end: int) -> str:
        _, offset, _, turn = self._turns[number]
        return turn.text[start - offset : end - offset]


def _place_in(sentences: Sequence[_Sentence], hit: Hit) -> tuple[int, range] | None:
    """Which of some sentences is a hit's best one, and which are those of its passage; None where they are others."""
    passage = hit.stored.passage
    inside = [
        place
        for place, one in enumerate(sentences)
        if one.turn == passage.turn and passage.char_start <= one.start and one.end <= passage.char_end
    ]
    best = next((place for place in inside if sentences[place].start == hit.quote[0]), None)
    return None if best is None else (best, range(inside[0], inside[-1] + 1))
