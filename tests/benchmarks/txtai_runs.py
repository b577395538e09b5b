"""What a benchmark asks of txtai, run by the Python of a virtual environment that has it. Imports nothing of ours.

python txtai_runs.py build MODEL PASSAGES OUT     a hybrid and a dense index of a JSON list of texts
python txtai_runs.py ask INDEX QUESTIONS          at every line of input, prints the seconds of each search
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from txtai import Embeddings
from txtai.vectors import HFVectors


def build(model: str, passages: Path, out: Path) -> None:
    """The vectors are those in `vectors.npy` beside the passages, of the same model: txtai would take long for them."""
    texts = json.loads(passages.read_text(encoding="utf-8"))
    vectors = dict(zip(texts, np.load(passages.with_name("vectors.npy"), allow_pickle=False), strict=True))
    HFVectors.encode = lambda self, data, category=None: np.stack([vectors[text] for text in data])
    embeddings = Embeddings(path=model, content=True, hybrid=True)
    embeddings.index(enumerate(texts))
    embeddings.save(str(out / "hybrid"))
    # The same without the words' index.
    embeddings.scoring = None
    embeddings.config.pop("hybrid", None)
    embeddings.config.pop("scoring", None)
    embeddings.save(str(out / "dense"))


def ask(index: Path, questions: Path) -> None:
    embeddings = Embeddings()
    embeddings.load(str(index))
    asked = [json.loads(line)["query"] for line in questions.read_text(encoding="utf-8").splitlines()]
    for _ in sys.stdin:
        embeddings.search(asked[0], 10)
        took = []
        for question in asked:
            started = time.perf_counter()
            embeddings.search(question, 10)
            took.append(time.perf_counter() - started)
        print(json.dumps(took), flush=True)


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "build":
        build(rest[0], Path(rest[1]), Path(rest[2]))
    else:
        ask(Path(rest[0]), Path(rest[1]))
