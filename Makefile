# make demo · make test · make lint · make bench-preprocess CLIPS="folder folder"
# make bench-train · make bench-score CLIPS="folder folder"
# Everything runs in .venv, which is made on first use and again when requirements change.

PYTHON ?= python3
SEED ?= 0
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: demo test lint bench-preprocess bench-train bench-score clean

demo: $(VENV)/.installed
	$(RUN) -m demo.run --seed $(SEED)

test: lint
	$(RUN) -m pytest

lint: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

bench-preprocess: $(VENV)/.installed
	$(RUN) -m benchmarks.preprocess $(CLIPS)

bench-train: $(VENV)/.installed
	$(RUN) -m benchmarks.loader
	$(RUN) -m benchmarks.training

bench-score: $(VENV)/.installed-dev
	$(RUN) -m benchmarks.scoring $(CLIPS)

$(VENV)/.installed: requirements.txt constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12) \
	    and "Python 3.11 or 3.12 is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements.txt
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) data/demo checkpoints/demo
