# setup: install, pinned, into .venv · demo: synth, train, evaluate, predict, a picture · test · check · bench: against peers

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test test-slow bench check format clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || python3 -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

demo: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" bash sample_data/demo.sh demo

test: setup
	$(BIN)/pytest -n 2 --dist worksteal

test-slow: setup
	$(BIN)/pytest -m 'slow or gpu'

bench: setup
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks.reading
	$(BIN)/python -m benchmarks.planning
	$(BIN)/python -m benchmarks.networks
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.predicting
	$(BIN)/python -m benchmarks.prediction_memory
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.synthetics

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) demo build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
