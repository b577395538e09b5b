"""Text to unit vectors. Knows nothing of transcripts; imports nothing of ours. One file per runtime."""
