"""Words on disk: the home of tantivy. BM25 over the passages' words, stemmed, names and numbers intact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray

from indexer.errors import IndexBroken

LEXICAL_FOLDER = "lexical"
_ANALYZER = "transcript"
_K1 = 1.2
_WRITER_MEMORY = 64_000_000
_STOP_WORDS = (
    "a about after all also am an and any are aren't as at be because been before being but by can can't could "
    "did didn't do does doesn't doing don't down for from get go got had has have having he her here him his how "
    "i i'd i'll i'm i've if in into is isn't it it's its just kind let like me more most my no nor not of off on "
    "or our out over own really said same say says she should so some such than that that's the their them then "
    "there these they they're thing things think this those through to too up us very was we we're well were what "
    "when where which while who whom why will with would you you're your yeah"
).split()


def _analyzer() -> tantivy.TextAnalyzer:
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(r"[\p{L}\p{N}]+(?:['’.][\p{L}\p{N}]+)*"))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.custom_stopword([*_STOP_WORDS, *(w.replace("'", "’") for w in _STOP_WORDS)]))
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stemmer("English"))
        .build()
    )


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("passage", indexed=True, fast=True)
    builder.add_text_field("text", tokenizer_name=_ANALYZER, index_option="position")
    return builder.build()


class LexicalWriter:
    """Takes the passages' texts in the order of the catalog."""

    def __init__(self, folder: Path) -> None:
        path = folder / LEXICAL_FOLDER
        path.mkdir()
        index = tantivy.Index(_schema(), path=str(path))
        index.register_tokenizer(_ANALYZER, _analyzer())
        self._writer = index.writer(heap_size=_WRITER_MEMORY, num_threads=1)
        self._count = 0

    def add(self, text: str) -> None:
        document = tantivy.Document()
        document.add_unsigned("passage", self._count)
        document.add_text("text", text)
        self._writer.add_document(document)
        self._count += 1

    def close(self) -> None:
        self._writer.commit()
        self._writer.wait_merging_threads()


class LexicalReader:
    """BM25, as a share of the most that a query could score. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Opens what a `LexicalWriter` wrote.

        Raises:
            IndexBroken: it is missing or cannot be read.
        """
        path = folder / LEXICAL_FOLDER
        try:
            self._index = tantivy.Index.open(str(path))
        except (ValueError, OSError) as error:
            raise IndexBroken(f"{path}: tantivy cannot read it. Run `onrecord index` again.") from error
        self._index.register_tokenizer(_ANALYZER, _analyzer())
        self._schema = self._index.schema
        self._analyzer = _analyzer()
        self._searcher = self._index.searcher()

    def __len__(self) -> int:
        return self._searcher.num_docs

    def terms(self, query: str) -> list[str]:
        """The query's words as the index knows them; stop words are gone, order and doubles too."""
        return sorted(set(self._analyzer.analyze(query)))

    def best(self, terms: Sequence[str], limit: int, allowed: NDArray[np.bool_] | None) -> dict[int, float]:
        """The `limit` passages that match best: number to score, 0 to 1.

        The score is BM25 (Robertson and Zaragoza, 2009) divided by its upper bound for the query, the sum of
        the terms' idf times k1 + 1: it says how much of the question was matched, not who matched best.

        Args:
            allowed: which passages may be found, of shape (passages,); None is all of them.
        """
        bound = self._bound(terms)
        if not bound or limit == 0:
            return {}
        words = tantivy.Query.boolean_query(
            [(tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "text", term, "freq")) for term in terms]
        )
        query = words if allowed is None else self._within(words, np.flatnonzero(allowed))
        hits = self._searcher.search(query, limit, count=False).hits
        numbers = self._searcher.fast_field_values("passage", [address for _, address in hits])
        return {
            int(number): min(1.0, score / bound)
            for (score, _), number in zip(hits, numbers, strict=True)
            if number is not None
        }

    def holding_all(self, terms: Sequence[str], allowed: NDArray[np.bool_]) -> list[int]:
        """The passages of a mask that hold every one of some terms, in no order."""
        query = tantivy.Query.boolean_query(
            [(tantivy.Occur.Must, tantivy.Query.term_query(self._schema, "text", term, "freq")) for term in terms]
        )
        hits = self._searcher.search(query, max(1, len(self)), count=False).hits
        numbers = self._searcher.fast_field_values("passage", [address for _, address in hits])
        return [int(number) for number in numbers if number is not None and allowed[int(number)]]

    def occurs(self, term: str) -> bool:
        """Whether any passage holds a term."""
        return self._searcher.doc_freq("text", term) > 0

    def _within(self, words: tantivy.Query, numbers: NDArray[np.int64]) -> tantivy.Query:
        members = tantivy.Query.term_set_query(self._schema, "passage", numbers.tolist())
        return tantivy.Query.boolean_query(
            [
                (tantivy.Occur.Must, words),
                (tantivy.Occur.Must, tantivy.Query.const_score_query(members, 0.0)),
            ]
        )

    def _bound(self, terms: Sequence[str]) -> float:
        documents = len(self)
        total = 0.0
        for term in terms:
            frequency = self._searcher.doc_freq("text", term)
            total += math.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))
        return total * (_K1 + 1)
