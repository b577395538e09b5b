"""A hybrid and a dense index of txtai, made by the Python of an environment that has it. Imports nothing of ours.

python txtai_build.py MODEL PASSAGES OUT     of a JSON list of texts
"""

from __future__ import annotations

import json
import sys
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


if __name__ == "__main__":
    build(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
