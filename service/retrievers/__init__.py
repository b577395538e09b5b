"""On Record inside other frameworks: thin clients of `/v1/search`, one file each. They load no index and no model."""
