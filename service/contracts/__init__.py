"""The contracts of others, each at its own path, with its own names and errors: one file each."""
