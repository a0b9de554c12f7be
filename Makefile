# Each target makes the virtual environment that it needs; nothing is installed outside of it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?= caliper.yaml
DIR ?= .caliper
BENCHES := $(filter-out variant,$(basename $(notdir $(wildcard benchmarks/*.py))))

.PHONY: run test lint bench clean

run: $(VENV)/.run
	$(BIN)/python 1.run_analysis.py --config $(CONFIG) --dir $(DIR)
	$(BIN)/python 2.assess_change.py --config $(CONFIG) --dir $(DIR)
	$(BIN)/python 3.parse_data.py --dir $(DIR)

# Two files of tests at once (see tests/conftest.py): much of their time they wait, for a package
# index, an engine, or a script that is to meet its limit. The long ones come first.
test: $(VENV)/.dev lint
	$(BIN)/python -m pytest --numprocesses 2 --no-loadscope-reorder

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

# One benchmark at a time, since each wants the whole machine: make bench BENCH=grid
bench: $(VENV)/.dev
	@test -n "$(BENCH)" || { echo "name one: make bench BENCH=NAME, with NAME of: $(BENCHES)"; exit 2; }
	$(BIN)/python benchmarks/$(BENCH).py

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or later is needed, this is " + sys.version.split()[0] + "; name another with PYTHON=...") if sys.version_info < (3, 10) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.7,<1'

$(VENV)/.run: $(VENV)/bin/uv requirements.txt pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.run pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --group dev
	touch $@
