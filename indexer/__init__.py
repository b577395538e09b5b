"""Transcripts to one index directory, offline. Imports `embeddings`; never imports `service`."""
