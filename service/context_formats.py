"""A context as those who read it expect it: a prompt, our own JSON, or the shapes of Anthropic, OpenAI and Dify.

Words are put beside the quoted ones only where they cannot be taken for them: names in front of turns, a line that says
where a block comes from, `[…]` for what is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from indexer.store import Catalog
from indexer.times import shown_time
from service.attributes import attributes_of, store_attributes_of
from service.context import Block, Said
from service.schemas import ContextBlock, ContextFormat, ContextTurn, Source

PREAMBLE = (
    "Below are excerpts from interviews, word for word. Each begins with its number, the id of its passage, who is "
    "heard, and where. […] marks words that are left out. Answer from these excerpts alone: quote only what stands in "
    "them, name who said it, and cite the number of the excerpt, like [1]. If the answer is not in them, say so."
)
GAP = "[…]"
_NOT_NAMED = "not named"

Described = tuple[Block, Source]
Blocks = list[dict[str, Any]] | dict[str, Any]


def prompt(described: Sequence[Described]) -> str:
    """The format `text`; empty without a block."""
    return "\n\n".join([PREAMBLE, *(prompt_block(*one) for one in described)]) if described else ""


def prompt_block(block: Block, source: Source) -> str:
    """One numbered excerpt."""
    return f"[{source.number}] id={source.id} · {heading(source)} · {_address(source)}\n{exchange_text(block)}"


def heading(source: Source) -> str:
    """Who is heard, where and when.

    `Calder Nwosu (guest) · A Warehouse on a Closed Road · Spinning Reserve · 2024-03-12 · 7:48`
    """
    episode = source.episode
    when = shown_time(source.start_s, source.time)
    named = f"{source.speaker.name or _NOT_NAMED} ({source.speaker.role})"
    return " · ".join(part for part in (named, episode.title, episode.show, episode.date, when) if part)


def exchange_text(block: Block) -> str:
    """The words of an exchange, a line for each turn."""
    lines: list[str] = []
    turn = None
    for said in (*block.question, *block.answer):
        gap = f"{GAP} " if said.after_gap else ""
        if said.turn == turn:
            lines[-1] += f" {gap}{said.text}"
        else:
            lines.append(f"{said.speaker or _NOT_NAMED}: {gap}{said.text}")
        turn = said.turn
    return "\n".join(lines) + (f" {GAP}" if block.ends_early else "")


def blocks_of(format_: ContextFormat, query: str, described: Sequence[Described], catalog: Catalog) -> Blocks | None:
    """What is handed over in a format that is not `text`; None in that."""
    match format_:
        case ContextFormat.TEXT:
            return None
        case ContextFormat.JSON:
            return _exchanges(described)
        case ContextFormat.ANTHROPIC:
            return _search_results(described)
        case ContextFormat.OPENAI:
            return _store_page(query, described, catalog)
        case ContextFormat.DIFY:
            return _records(described, catalog)


def read_by_model(format_: ContextFormat, described: Sequence[Described]) -> str:
    """All that a model reads of a context, which the budget counts."""
    if format_ is ContextFormat.TEXT:
        return prompt(described)
    if format_ is ContextFormat.ANTHROPIC:
        return "\n".join(_strings(_search_results(described), ("title", "source", "text")))
    return "\n".join(f"{heading(source)}\n{exchange_text(block)}" for block, source in described)


def _address(source: Source) -> str:
    return source.deep_link or source.episode.url or source.link


def _exchanges(described: Sequence[Described]) -> Blocks:
    return [
        ContextBlock(
            **source.model_dump(),
            question=list(map(_turn, block.question)),
            answer=list(map(_turn, block.answer)),
            text=exchange_text(block),
        ).model_dump(mode="json")
        for block, source in described
    ]


def _turn(said: Said) -> ContextTurn:
    return ContextTurn(
        speaker=said.speaker,
        role=said.role,
        turn=said.turn,
        text=said.text,
        char_start=said.char_start,
        char_end=said.char_end,
    )


def _search_results(described: Sequence[Described]) -> Blocks:
    """Search result blocks of the Messages API, with citations enabled: what is cited is a sentence, word for word."""
    return [
        {
            "type": "search_result",
            "source": _address(source),
            "title": heading(source),
            "content": [{"type": "text", "text": text} for text in _sentence_by_sentence(block)],
            "citations": {"enabled": True},
        }
        for block, source in described
    ]


def _sentence_by_sentence(block: Block) -> Iterator[str]:
    turn = None
    for said in (*block.question, *block.answer):
        if said.turn != turn:
            yield f"{said.speaker or _NOT_NAMED}:"
        if said.after_gap:
            yield GAP
        turn = said.turn
        yield from (said.text[start - said.char_start : end - said.char_start] for start, end in said.sentences)
    if block.ends_early:
        yield GAP


def _store_page(query: str, described: Sequence[Described], catalog: Catalog) -> Blocks:
    return {
        "object": "vector_store.search_results.page",
        "search_query": [query],
        "data": [
            {
                "file_id": source.episode.id,
                "filename": source.episode.source,
                "score": source.score,
                "attributes": store_attributes_of(block.hits[0].stored, catalog),
                "content": [{"type": "text", "text": f"{heading(source)}\n{exchange_text(block)}"}],
            }
            for block, source in described
        ],
        "has_more": False,
        "next_page": None,
    }


def _records(described: Sequence[Described], catalog: Catalog) -> Blocks:
    return {
        "records": [
            {
                "content": exchange_text(block),
                "score": source.score,
                "title": heading(source),
                "metadata": attributes_of(block.hits[0].stored, catalog),
            }
            for block, source in described
        ]
    }


def _strings(value: object, names: Sequence[str]) -> Iterator[str]:
    """The strings of some names, wherever they stand in a value."""
    if isinstance(value, list):
        for entry in value:
            yield from _strings(entry, names)
    elif isinstance(value, dict):
        for name, entry in value.items():
            if isinstance(entry, str) and name in names:
                yield entry
            else:
                yield from _strings(entry, names)
