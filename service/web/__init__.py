"""The pages for people. Server-rendered; searching and reading need no script."""
