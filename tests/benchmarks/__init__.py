"""Measurements on data that is not part of the project. No tests; `make bench-quality` runs them."""
