# Each target does all its own set-up in an empty clone; PYTHON is any Python from 3.11 on.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# One process a core, each computing with one thread; tests of a file share what they set up.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder
INSTALL := -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: quick grounding test thorough slow cluster worlds lint check analysis site dist lowest clean

quick: $(VENV)/.run  ## install, then run the quick study
	$(BIN)/glam-eval run-suite quick

grounding: $(VENV)/.run  ## every agent of the paper: who reads its goal, and who walks; about an hour
	$(BIN)/glam-eval run-suite grounding-cpu

test: $(VENV)/.dev  ## install, then run the tests
	$(PYTEST)

thorough: $(VENV)/.dev  ## further kinds and kills of what the tests try once
	$(PYTEST) -m 'thorough and not slow'

slow: $(VENV)/.dev  ## the tests that take minutes
	$(PYTEST) -m slow

cluster: $(VENV)/.dev  ## suites on a real Slurm and a real Ray of two nodes here; needs root and Debian's packages
	$(BIN)/python $(INSTALL) -e '.[dev,ray]'
	$(BIN)/python -m pytest -m cluster -rs tests/launchers --timeout 0

worlds: $(VENV)/.dev  ## the packages of examples/ with the libraries of others that they need
	$(BIN)/python $(INSTALL) ./examples/textworld ./examples/openenv
	$(BIN)/python $(INSTALL) --no-deps "openenv-core>=0.3,<1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c examples/inspect/constraints.txt ./examples/inspect
	$(BIN)/python -m pytest -m slow -rs tests/extending/test_textworld.py tests/extending/test_other_doors.py

lint: $(VENV)/.dev  ## style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test  ## everything a change must pass

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "glam-eval needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing, which takes some minutes"
	$(BIN)/python $(INSTALL) -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing, which takes some minutes"
	$(BIN)/python $(INSTALL) -e '.[dev,exchange]'
	@# it asks for Python 3.12, but its validator runs on 3.11, with what is installed by now
	$(BIN)/python $(INSTALL) --no-deps --ignore-requires-python every_eval_ever
	@touch $@ $(VENV)/.run

# What compare, figures, report and load_results import; torch, transformers and minigrid stay away.
ANALYSIS := numpy pandas pyarrow scipy statsmodels matplotlib seaborn jinja2 pydantic typer rich packaging

analysis:  ## .venv-analysis: results of others, analysed on a laptop without torch
	$(PYTHON) -m venv $(VENV)-analysis
	$(VENV)-analysis/bin/python $(INSTALL) $(ANALYSIS)
	$(VENV)-analysis/bin/python $(INSTALL) --no-deps .

site: $(VENV)/.docs  ## build/site: the documentation, with warnings as errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

$(VENV)/.docs: pyproject.toml constraints.txt | $(VENV)/.dev
	$(BIN)/python $(INSTALL) -e '.[docs,tensorboard,wandb]'
	@touch $@

dist: $(VENV)/.dev  ## dist: sdist and wheel, built, checked and tried in empty environments
	$(BIN)/python $(INSTALL) -e '.[release]'
	.ci/release $(BIN)/python

lowest: | $(VENV)/bin/python  ## the tests with the lowest versions that pyproject.toml allows, KEEP=name==version but for one
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet packaging
	$(VENV)-lowest/bin/python .ci/lowest.py pyproject.toml $(KEEP) > $(VENV)-lowest/lowest.txt
	$(VENV)-lowest/bin/python -m pip install --quiet --disable-pip-version-check -c $(VENV)-lowest/lowest.txt -e '.[dev]'
	OMP_NUM_THREADS=1 $(VENV)-lowest/bin/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

clean:  ## remove the environment; results stay
	rm -rf $(VENV)
