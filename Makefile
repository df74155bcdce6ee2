# One environment for everything; each target makes it first if it is not there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DOCS_READY := $(VENV)/.docs-ready

.PHONY: setup setup-lowest demo test test-backends test-jax test-torch \
	test-slow campaigns lint format docs bench gpu-check clean

setup: $(READY)

$(READY): requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-r requirements.txt -r requirements-dev.txt
	touch $(READY)

# The lowest versions that pyproject.toml allows.
setup-lowest:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python \
		--resolution lowest-direct -r requirements.txt -r requirements-dev.txt
	touch $(READY)

# The page shows quarter on photographs, and the network just trained.
demo: $(READY)
	$(BIN)/python -m zfkeras.train --workdir runs/demo
	$(BIN)/python -m transfer.caltech --data shapes --layer 7 \
		--n-train-per-class 270 --folds 1 --workdir runs/demo/transfer
	$(BIN)/python -m visualize.report --data photographs --run runs/demo \
		--compare runs/demo/model.keras --transfer runs/demo/transfer --quick \
		--max-images 700 --workdir runs/demo/report

# Two files at a time: tests wait more for one thread than for the machine, and each
# worker has a TensorFlow of its own in memory. MORE=--cov counts the lines that run; it takes a
# quarter longer.
test: $(READY)
	$(BIN)/python -m pytest -q -n 2 --dist loadfile $(MORE)

# The same tests under JAX and under PyTorch, each in an environment without TensorFlow.
# pip takes PyTorch with CUDA, unless PIP_EXTRA_INDEX_URL names its index for CPUs.
test-backends: test-jax test-torch

test-jax test-torch: test-%: $(VENV)-%/.ready
	KERAS_BACKEND=$* $(VENV)-$*/bin/python -m pytest -q tests/backends

$(VENV)-%/.ready: requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)-$*
	$(VENV)-$*/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint requirements-dev.txt -e '.[onnx,plots,transfer,$*]' pytest
	touch $@

test-slow: $(READY)
	$(BIN)/python -m pytest -q --run-slow

# Kills commands and fills their disks; mounting small disks needs root. 15 minutes.
campaigns: $(READY)
	$(BIN)/python -m tests.campaigns.kill --tries 60
	$(BIN)/python -m tests.campaigns.full_disk --tries 24

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(DOCS_READY): $(READY) requirements-docs.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-r requirements-docs.txt
	touch $(DOCS_READY)

# A warning fails the build. All pages anew each time: Sphinx warns of a page only when it
# reads it.
docs: $(DOCS_READY)
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m sphinx --quiet --fail-on-warning \
		--fresh-env docs docs/_build/html
	$(BIN)/python -m visualize.explore --export docs/_build/html/explorer.html
	@echo "the site: docs/_build/html/index.html"

bench: $(READY)
	$(BIN)/python -m benchmarks

# Under ten minutes with a GPU; without one, its CPU half.
gpu-check: $(READY)
	$(BIN)/python -m benchmarks.gpu_check

clean:  # not runs/: a training may have taken days
	rm -rf $(VENV) $(VENV)-jax $(VENV)-torch
