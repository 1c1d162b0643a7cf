# make setup       all that score.py needs; then: .venv/bin/python score.py clip.mp4
# make serve       the page and the HTTP API on this machine
# make demo        draw a small dataset, train on it, evaluate, score two new clips
# make test        lint, type checks and all tests
# make test-fast   the fast tests: no processes, training or export
# make prove       the long proofs, whose small versions are among the tests (about an hour)
# make coverage    all tests, and which lines of the product they run
# make lint        style, format and types
# make test-oldest model, export and scoring tests with the oldest packages that are allowed
# make detector    replaces detectors/lite0, trained again on the pictures in DATA (hours);
#                  detector-report: trainings that leave one collection out, measured on it
# make bench-gpu   what a GPU gains, in six minutes; CLIPS="folder" for scoring and extraction
# make bench-train · make bench-preprocess CLIPS="folder folder" · make bench-score CLIPS="folder"
# make docs        the documentation site in docs/_build/html, with executed notebooks
# make release     source archive with detectors and documents in dist/
# Everything runs in .venv, which is made on first use and again when requirements change.

PYTHON ?= python3
SEED ?= 0
VENV := .venv
OLDEST := .venv-oldest
RUN := $(VENV)/bin/python
PYTEST := $(RUN) -m pytest --numprocesses auto --dist worksteal --durations 10
PROOFS := data/proofs

# make detector: folder of the collections (detectors/material.py), work folder, collections.
DATA ?= data/collections
MADE := data/detector
COLLECTIONS := dfdc real gan
manifests = $(1:%=$(MADE)/crops/%/videos_df.csv)
# dfdc holds crops already; faces in other pictures are cut like them.
FACES_dfdc := --faces cropped
FACES_real := --margin -0.06 --allow_one_label
FACES_gan := --margin -0.06
MEASURED := --val_share 0 --test_share 1 --undersample False --margin -0.06 --face_size 224
RULE := --error_rate 0.12
ADD := $(RUN) -m detectors.add lite0 --checkpoint checkpoints/detector_of_all/best.pt \
	    --evaluation checkpoints/detector_of_all/test
# Flags of the trainings that leave one collection out.
without = --csv_file $(call manifests,$(filter-out $(1),$(COLLECTIONS)))
FLAGS_without_dfdc := $(call without,dfdc) --shares 2 1 --epochs 3
FLAGS_without_real := $(call without,real) --shares 8 1 --judge_faces $(call manifests,gan)
FLAGS_without_gan := $(call without,gan) --shares 8 1.6

.PHONY: setup serve detector detector-report demo test test-fast test-oldest prove coverage lint docs release \
    bench-preprocess bench-train bench-gpu bench-score clean

setup: $(VENV)/.installed

serve: $(VENV)/.installed-serve
	$(RUN) serve.py

demo: $(VENV)/.installed
	$(RUN) -m demo.run --seed $(SEED)

detector: checkpoints/detector_of_all/measured
	$(ADD)

# Trainings that leave one collection out, measured on it; the card gets their figures. To take hours
# and not a day, they are the second training alone, from ImageNet: a third of the pictures.
detector-report: $(COLLECTIONS:%=checkpoints/detector_without_%/measured) | checkpoints/detector_of_all/measured
	$(ADD) --left_out $(COLLECTIONS:%=checkpoints/detector_without_%/left_out)

.PRECIOUS: checkpoints/detector_without_%/trained $(MADE)/crops/%/videos_df.csv

checkpoints/detector_of_all/measured: checkpoints/detector_of_all/trained $(call manifests,ffpp clips)
	$(RUN) evaluate.py --checkpoint $(@D)/best.pt $(RULE) \
	    --csv_file $(call manifests,$(COLLECTIONS)) --output $(@D)/fitted
	$(RUN) evaluate.py --checkpoint $(@D)/best.pt --robustness \
	    --csv_file $(call manifests,$(COLLECTIONS) ffpp clips) --output $(@D)/test
	touch $@

checkpoints/detector_without_%/measured: checkpoints/detector_without_%/trained $(call manifests,ffpp)
	$(RUN) evaluate.py --checkpoint $(@D)/best.pt $(RULE) \
	    --csv_file $(call manifests,$(filter-out $*,$(COLLECTIONS))) --output $(@D)/fitted
	$(RUN) evaluate.py --checkpoint $(@D)/best.pt \
	    --csv_file $(call manifests,$* ffpp) --output $(@D)/left_out
	touch $@

# Two trainings, the second from the weights of the first. An interrupted training continues.
# $(1): recipe, and further flags.
train = if [ -e $(@D)/last.pt ]; then $(RUN) train.py --resume $(@D); else \
	$(RUN) train.py --config $(1) --run_name $(notdir $(@D)); fi

checkpoints/detector_of_all_strong/trained: $(call manifests,$(COLLECTIONS))
	$(call train,detectors/recipe_strong.yaml)
	touch $@

checkpoints/detector_of_all/trained: checkpoints/detector_of_all_strong/trained
	$(call train,detectors/recipe_mild.yaml --weights $(<D)/best.pt)
	touch $@

checkpoints/detector_without_%/trained: $(call manifests,$(COLLECTIONS))
	$(call train,detectors/recipe_mild.yaml --lr 0.001 $(FLAGS_without_$*))
	touch $@

# Whole clips, which are only measured.
$(MADE)/crops/ffpp/videos_df.csv: | $(VENV)/.installed-dev
	$(RUN) preprocess_dfdc.py --input $(DATA)/ffpp --layout ffpp $(MEASURED) --output $(@D)

$(MADE)/crops/clips/videos_df.csv: | $(VENV)/.installed-dev
	$(RUN) preprocess_dfdc.py --input $(DATA)/dfdc $(MEASURED) --output $(@D)

$(MADE)/crops/%/videos_df.csv: $(MADE)/material
	$(RUN) preprocess_dfdc.py --input $(MADE)/$* --layout table --undersample False \
	    --face_size 224 $(FACES_$*) --output $(@D)

$(MADE)/material: | $(VENV)/.installed-dev
	$(RUN) -m detectors.material $(DATA) $(MADE)
	touch $@

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
	$(RUN) -m benchmarks.load $(PROOFS)/new
	$(RUN) -m benchmarks.fuzz
	$(RUN) -m benchmarks.notebooks

coverage: $(VENV)/.installed-dev
	$(PYTEST) --cov --cov-report term:skip-covered

test-oldest:
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/pip install --quiet --disable-pip-version-check uv
	UV_DEFAULT_INDEX=$$($(OLDEST)/bin/pip config get global.index-url || echo) $(OLDEST)/bin/uv pip install \
	    --quiet --python $(OLDEST)/bin/python --resolution lowest-direct -r requirements-dev.txt
	$(OLDEST)/bin/python -m pytest --numprocesses auto --dist worksteal \
	    tests/models tests/export tests/scoring tests/inference tests/test_score.py

# What is committed, so that the archive can be made again.
release: $(VENV)/.installed
	mkdir -p dist
	name=video-deepfake-detection-$$($(RUN) -m common.version) && \
	    git archive --prefix=$$name/ --output=dist/$$name.tar.gz HEAD && echo dist/$$name.tar.gz

docs: docs/notebooks/run
	$(RUN) -m sphinx --fail-on-warning --keep-going --jobs auto docs docs/_build/html

docs/notebooks/run: $(wildcard nbs/*.ipynb) | $(VENV)/.installed-dev
	$(RUN) -m benchmarks.notebooks --output $(@D)
	touch $@

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

$(VENV)/.installed-serve: $(VENV)/.installed requirements-serve.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements-serve.txt
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed $(wildcard requirements-*.txt)
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) $(OLDEST) data/demo data/proofs checkpoints/demo
