# On Record. `make help` lists what there is.

PORT ?= 8000
INDEX ?= index
TRANSCRIPTS ?= seeds
PYTHON ?= python3
DATA ?= ../shared/data
INPUTS ?= 100000
KILLS ?= 200
SEED ?= 1
MINUTES ?= 1
REQUESTS ?= 10000
SWAPS ?= 20
SECONDS ?= 10
EXAMPLES ?= 200

BIN := .venv/bin
AXE := build/node_modules/axe-core/axe.min.js
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help install serve test check lint fix adapter bench bench-quality bench-adapter bench-adding bench-page bench-quotes bench-reading bench-shared bench-speed bench-store bench-verify fuzz fuzz-http crash soak reload load audit screenshots lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

install: .venv/installed ## Set up .venv with the onrecord command

serve: install ## Index TRANSCRIPTS (seeds) into INDEX (index) and serve it on 127.0.0.1:PORT (8000)
	-$(BIN)/onrecord index $(TRANSCRIPTS) --out $(INDEX)
	$(BIN)/onrecord serve --index $(INDEX) --port $(PORT)

test: .venv/installed-dev $(AXE) ## Run every test, those of the pages in Chromium where it is found
	$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

check: lint audit ## Lint, formatting, types, and what is known to be unsafe
	$(BIN)/mypy

audit: .venv/installed-dev ## What bandit finds unsafe in the code, and pip-audit in the versions of constraints.txt
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml embeddings indexer service training
	$(BIN)/python -m tests.audit constraints.txt

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

adapter: .venv/installed-dev ## Train the shipped adapter anew on the interviews in DATA, and say whether it is the same one
	$(BIN)/python -m tests.benchmarks.recipe $(DATA)

bench-adapter: install ## Measure what the shipped adapter finds in DATA beside the published model
	$(BIN)/python -m tests.benchmarks.adapting $(DATA)

bench-reading: install ## Measure how fast the transcripts in DATA/practicalai and DATA/changelog are read, and the memory
	$(BIN)/python -m tests.benchmarks.parsing $(DATA)/practicalai $(DATA)/changelog

bench-speed: install ## Measure speed and memory on 40,000 passages of DATA, beside sentence-transformers and txtai (fetched once)
	$(BIN)/python -m tests.benchmarks.speed $(DATA)/practicalai $(DATA)/changelog/shipit

bench-store: .venv/installed-dev ## Measure a search through Milvus (Lite, started here) beside one on disk, on DATA/bitcoin
	$(BIN)/python -m tests.benchmarks.stored $(DATA)/bitcoin

bench-shared: .venv/installed-dev ## Measure what one, two and four workers index together into Milvus (Lite, started here), on DATA/practicalai
	$(BIN)/python -m tests.benchmarks.shared $(DATA)/practicalai

bench-adding: .venv/installed-dev ## Measure what it costs to add an episode to 2,000, made of DATA/practicalai, while they are served
	$(BIN)/python -m tests.benchmarks.adding $(DATA)/practicalai

bench-page: .venv/installed-dev ## Measure, in Chromium, the search page from Enter to painted, on the index that bench-speed made, and a long transcript
	$(BIN)/python -m tests.benchmarks.page
	$(BIN)/python -m tests.benchmarks.long_transcript

bench-quotes: install ## Measure quotes and contexts beside plain ones, and that every word of them stands in the transcript, on DATA
	$(BIN)/python -m tests.benchmarks.quoting $(DATA)

bench-verify: install ## Measure the check of quotations, true and spoiled, on the index that bench-quality made
	$(BIN)/python -m tests.benchmarks.verifying

fuzz: .venv/installed-dev ## 100,000 damaged transcripts through every parser (INPUTS=, SEED=)
	$(BIN)/python -m tests.fuzz $(INPUTS) $(SEED)

fuzz-http: .venv/installed-dev ## Requests made of the OpenAPI description, EXAMPLES (200) for each operation (SEED=)
	$(BIN)/python -m tests.fuzz_http $(EXAMPLES) $(SEED)

crash: .venv/installed-dev ## Kill KILLS (200) indexing runs while they are read, and one at every moment (SEED=)
	$(BIN)/python -m tests.crash $(KILLS) $(SEED)

soak: .venv/installed-dev ## 32 clients ask everything for MINUTES (1) while generations are published: errors, times, memory
	$(BIN)/python -m tests.soak --minutes $(MINUTES) $(if $(filter command line,$(origin INDEX)),--index $(INDEX))

reload: .venv/installed-dev ## REQUESTS (10000) across SWAPS (20) of generations: none fails, each is of one
	$(BIN)/python -m tests.reload --requests $(REQUESTS) --swaps $(SWAPS)

load: .venv/installed-dev ## Four times what can be answered, and slow clients, SECONDS (10) each
	$(BIN)/python -m tests.overload --seconds $(SECONDS)

screenshots: .venv/installed-dev ## Take the pictures in the README anew, in Chromium
	$(BIN)/onrecord index seeds --out $(INDEX)
	$(BIN)/python -m tests.web.screenshots $(INDEX)

lock: ## Take the newest versions that pyproject.toml allows into constraints.txt
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet '.[dev]'
	build/lock/bin/python -m pip freeze --exclude onrecord --exclude torch > build/constraints.txt
	echo 'torch==2.13.0' >> build/constraints.txt
	sort -f build/constraints.txt > constraints.txt

clean: ## Remove what the other targets made, the index included
	rm -rf .venv build index *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Checks pages for accessibility, inside the browser of the tests. Without npm they say what is missing.
$(AXE):
	-npm install --prefix build --no-save --ignore-scripts --no-audit --no-fund --silent axe-core@4.14.1

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
