"""Learning from an archive: the pairs in it, and a model trained on them."""
