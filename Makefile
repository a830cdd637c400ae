# make demo: install, then train on streets the package draws itself and test in styles it never saw.
# make test: install, then run the fast tests. Both make .venv on the first call and reuse it.
# The models of the tests are tiny: one thread is faster than several that wait for each other.

VENV ?= .venv
OK := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,\
	$(shell $(name) -c '$(OK)' >/dev/null 2>&1 && echo $(name))))
STAMP := $(VENV)/.rein-installed
BIN := $(VENV)/bin

.PHONY: demo test test-slow lint install clean

demo: install
	$(BIN)/python tools/benchmark_streets.py --out work_dirs/demo --rows rein --seeds 0 --jobs 1 --train 200 --val 20

test: install
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/python -m pytest

test-slow: install
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/python -m pytest -m slow

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

install: $(STAMP)

$(STAMP): pyproject.toml requirements/constraints.txt
	@test -n "$(PYTHON)" || { echo "rein needs Python 3.11 or newer and found $$(python3 --version 2>&1);" \
		"install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements/constraints.txt uv
	$(BIN)/uv pip install --python $(BIN)/python --editable '.[dev]' \
		--constraint requirements/constraints.txt --build-constraint requirements/constraints.txt
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info work_dirs/demo
