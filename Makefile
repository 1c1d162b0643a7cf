# make demo        draw a small dataset, train on it, evaluate, score two new clips
# make test        lint, type checks and all tests
# make test-fast   the fast tests: no processes, training or export
# make prove       the long proofs, whose small versions are among the tests (about an hour)
# make coverage    all tests, and which lines of the product they run
# make lint        style, format and types
# make test-oldest model, export and scoring tests with the oldest packages that are allowed
# make bench-gpu   what a GPU gains, in six minutes; CLIPS="folder" for scoring and extraction
# make bench-train · make bench-preprocess CLIPS="folder folder" · make bench-score CLIPS="folder"
# Everything runs in .venv, which is made on first use and again when requirements change.

PYTHON ?= python3
SEED ?= 0
VENV := .venv
OLDEST := .venv-oldest
RUN := $(VENV)/bin/python
PYTEST := $(RUN) -m pytest --numprocesses auto --dist worksteal --durations 10
PROOFS := data/proofs

.PHONY: demo test test-fast test-oldest prove coverage lint bench-preprocess bench-train bench-gpu \
    bench-score clean

demo: $(VENV)/.installed
	$(RUN) -m demo.run --seed $(SEED)

test: lint
	$(PYTEST)

test-fast: $(VENV)/.installed-dev
	$(PYTEST) -m "not slow"

prove: $(VENV)/.installed-dev
	$(PYTEST) -m hypothesis --hypothesis-profile prove
	$(RUN) -m benchmarks.coverage
	$(RUN) -m benchmarks.calibration
	$(RUN) -m benchmarks.few_sources
	rm -rf $(PROOFS)
	$(RUN) -m demo.generate --output $(PROOFS) --sources 8
	$(RUN) -m benchmarks.kills $(PROOFS)
	$(RUN) -m benchmarks.memory $(PROOFS)/dfdc_train_part_0
	$(RUN) -m benchmarks.fuzz

coverage: $(VENV)/.installed-dev
	$(PYTEST) --cov --cov-report term:skip-covered

test-oldest:
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/pip install --quiet --disable-pip-version-check uv
	UV_DEFAULT_INDEX=$$($(OLDEST)/bin/pip config get global.index-url || echo) $(OLDEST)/bin/uv pip install \
	    --quiet --python $(OLDEST)/bin/python --resolution lowest-direct -r requirements-dev.txt
	$(OLDEST)/bin/python -m pytest --numprocesses auto --dist worksteal \
	    tests/models tests/export tests/scoring tests/inference tests/test_score.py

lint: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench-preprocess: $(VENV)/.installed
	$(RUN) -m benchmarks.preprocess $(CLIPS)

bench-train: $(VENV)/.installed
	$(RUN) -m benchmarks.loader
	$(RUN) -m benchmarks.training

bench-gpu: $(VENV)/.installed-dev
	$(RUN) -m benchmarks.gpu $(CLIPS)

bench-score: $(VENV)/.installed-dev
	$(RUN) -m benchmarks.scoring $(CLIPS)

$(VENV)/.installed: requirements.txt constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14) \
	    and "Python 3.11, 3.12, 3.13 or 3.14 is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements.txt
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) $(OLDEST) data/demo data/proofs checkpoints/demo
