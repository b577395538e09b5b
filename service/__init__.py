"""An index directory to answers, online. Uses the indexer's vocabulary and readers; nothing imports it."""
