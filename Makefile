# Each target does all its own set-up in an empty clone; PYTHON is any Python from 3.11 on.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# One process a core, each computing with one thread; tests of a file share what they set up.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder
INSTALL := -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: quick agents test slow lint check analysis clean

quick: $(VENV)/.run  ## install, then run the quick study
	$(BIN)/glam-eval run-suite quick

agents: $(VENV)/.run  ## every agent of the paper on one easy level, and their table: hours
	$(BIN)/glam-eval run-suite agents-cpu --out results/agents
	$(BIN)/python analyses/agents_table.py results/agents --out results/agents

test: $(VENV)/.dev  ## install, then run the tests
	$(PYTEST)

slow: $(VENV)/.dev  ## the tests that take minutes
	$(PYTEST) -m slow

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
	$(BIN)/python $(INSTALL) -e '.[dev]'
	@touch $@ $(VENV)/.run

# What compare, figures, report and load_results import; torch, transformers and minigrid stay away.
ANALYSIS := numpy pandas pyarrow scipy statsmodels matplotlib seaborn jinja2 pydantic typer rich packaging

analysis:  ## .venv-analysis: results of others, analysed on a laptop without torch
	$(PYTHON) -m venv $(VENV)-analysis
	$(VENV)-analysis/bin/python $(INSTALL) $(ANALYSIS)
	$(VENV)-analysis/bin/python $(INSTALL) --no-deps .

clean:  ## remove the environment; results stay
	rm -rf $(VENV)
