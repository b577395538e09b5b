# On Record. `make help` lists what there is.

PORT ?= 8000
INDEX ?= index
TRANSCRIPTS ?= seeds
PYTHON ?= python3
DATA ?= ../shared/data
INPUTS ?= 100000
SEED ?= 1

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help install serve test check lint fix bench bench-quality bench-adding bench-reading bench-speed bench-verify fuzz lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

install: .venv/installed ## Set up .venv with the onrecord command

serve: install ## Index TRANSCRIPTS (seeds) into INDEX (index) and serve it on 127.0.0.1:PORT (8000)
	-$(BIN)/onrecord index $(TRANSCRIPTS) --out $(INDEX)
	$(BIN)/onrecord serve --index $(INDEX) --port $(PORT)

test: .venv/installed-dev ## Run every test
	$(BIN)/pytest

check: lint ## Lint, formatting and types
	$(BIN)/mypy

lint: .venv/installed-dev ## Lint and formatting alone
	$(BIN)/ruff check
	$(BIN)/ruff format --check

fix: .venv/installed-dev ## Repair what lint and formatting can repair
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: install ## Measure the ranking on the sample questions
	$(BIN)/onrecord index seeds --out $(INDEX)
	$(BIN)/onrecord eval --index $(INDEX) seeds/questions.jsonl

bench-quality: install ## Measure the ranking beside plain ones, on real interviews and meetings in DATA (../shared/data)
	$(BIN)/python -m tests.benchmarks.quality $(DATA)

bench-reading: install ## Measure how fast the transcripts in DATA/practicalai and DATA/changelog are read, and the memory
	$(BIN)/python -m tests.benchmarks.parsing $(DATA)/practicalai $(DATA)/changelog

bench-speed: install ## Measure speed and memory on 40,000 passages of DATA, beside sentence-transformers and txtai (fetched once)
	$(BIN)/python -m tests.benchmarks.speed $(DATA)/practicalai $(DATA)/changelog/shipit

bench-adding: .venv/installed-dev ## Measure what it costs to add an episode to 2,000, made of DATA/practicalai, while they are served
	$(BIN)/python -m tests.benchmarks.adding $(DATA)/practicalai

bench-verify: install ## Measure the check of quotations, true and spoiled, on the index that bench-quality made
	$(BIN)/python -m tests.benchmarks.verifying

fuzz: .venv/installed-dev ## 100,000 damaged transcripts through every parser (INPUTS=, SEED=)
	$(BIN)/python -m tests.fuzz $(INPUTS) $(SEED)

lock: ## Take the newest versions that pyproject.toml allows into constraints.txt
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet '.[dev]'
	build/lock/bin/python -m pip freeze --exclude onrecord --exclude torch > build/constraints.txt
	echo 'torch==2.13.0' >> build/constraints.txt
	sort -f build/constraints.txt > constraints.txt

clean: ## Remove what the other targets made, the index included
	rm -rf .venv build index *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "On Record needs Python 3.11 or later; set PYTHON=python3.11 or the like." >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

.venv/installed-dev: .venv/installed
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@
