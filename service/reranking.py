"""The first hits in a better order: a cross-encoder reads each with the query, as long as the time allows.

The score of a passage that was read is the mean of its own score and the cross-encoder's; of one that was not, half its
own. So scores stay between 0 and 1 and fall down the ranking, and what was read stands before what was not.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from indexer.store import Catalog
from service.archive import Reranking
from service.ranking import Ranking

_BATCH = 8
SIGNAL = "rerank"


def rerank(ranking: Ranking, query: str, catalog: Catalog, reranking: Reranking) -> tuple[Ranking, int]:
    """The ranking anew, and how many of its passages were read. The first few are read whatever the time."""
    deadline = time.perf_counter() + reranking.budget_ms / 1000
    wanted = min(reranking.top, len(ranking.numbers))
    texts = catalog.texts(ranking.numbers[:wanted].tolist())
    judged = np.zeros(len(ranking.numbers), dtype=np.float32)
    read = 0
    while read < wanted and (read == 0 or time.perf_counter() < deadline):
        batch = slice(read, min(read + _BATCH, wanted))
        judged[batch] = reranking.model.scores(query, texts[batch])
        read = batch.stop
    scores = (ranking.scores + judged) * np.float32(0.5)
    order = np.concatenate([np.lexsort((ranking.numbers[:read], -scores[:read])), np.arange(read, len(scores))])
    judged_too = replace(ranking, scores=scores, signals={**ranking.signals, SIGNAL: judged})
    return judged_too.taken(order.astype(np.int64)), read
