# `make run` is all that a fresh clone needs. PYTHON chooses the interpreter, ARGS goes to `vareon up`.
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin
LONGEST_FILE := 400
ROUNDS ?= 100
SEEDS ?= 1000
EXAMPLES ?= 100
FIRST ?= 0
RECORD ?= build

.PHONY: run install test check bench bench-peers chaos overload fuzz simulate mutants audit clean fmt

run: $(VENV)/installed
	@$(BIN)/vareon up $(ARGS)

install: $(VENV)/installed

test: $(VENV)/installed
	$(BIN)/python -m pytest -q -rs $(ARGS)

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo importlinter.toml
	@find vareon_runtime actors web tests benchmarks examples -name '*.py' -exec wc -l {} + \
	  | awk '$$2 != "total" && $$1 > $(LONGEST_FILE) { print $$2 ": " $$1 " lines, more than $(LONGEST_FILE)"; long = 1 } END { exit long }'

fmt: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed
	$(BIN)/python -m benchmarks $(ARGS)

# What people use today, in an environment of its own, under the same load as we are.
bench-peers: $(VENV)/installed
	@test -x $(VENV)-peers/bin/python || $(PYTHON) -m venv $(VENV)-peers
	@$(VENV)-peers/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/peers/requirements.txt
	$(BIN)/python -m benchmarks.peers $(VENV)-peers/bin/python

# Rounds append to a record, so that several runs add up: python -m tests.chaos --summary tells to what.
chaos: $(VENV)/installed
	$(BIN)/python -m tests.chaos --rounds $(ROUNDS) --record $(RECORD) $(ARGS)
	$(BIN)/python -m tests.chaos --rounds 1 --disk --record $(RECORD)
	KILLS=10 $(BIN)/python -m pytest -q tests/cluster/test_streaming_kills.py -k again_and_again
overload: $(VENV)/installed
	$(BIN)/python -m benchmarks.overload $(ARGS)

# Everything that the OpenAPI document allows and does not allow, and frames that no client sends.
fuzz: $(VENV)/installed
	FUZZ_EXAMPLES=$(EXAMPLES) FUZZ_FRAMES=60000 $(BIN)/python -m pytest -q tests/fuzz --timeout 3600 $(ARGS)

simulate: $(VENV)/installed
	$(BIN)/python -m vareon_runtime.testing.simulate --seeds $(SEEDS) --first $(FIRST) $(ARGS)

# Known vulnerabilities of what is locked; needs the network, and says so without one.
audit: $(VENV)/installed
	$(BIN)/python -m tests.audit

# Each planted bug must be caught by the simulation, and by the real system in chaos.
mutants: $(VENV)/installed
	$(BIN)/python -m tests.mutants.simulation $(ARGS)
	$(BIN)/python -m tests.chaos.mutants

# The lock holds everything with its hash: what runs, what tests, what checks, and what builds this
# project, so that nothing is fetched but what it names.
$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Vareon needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Installing into $(VENV); this takes a minute or two the first time"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --no-build-isolation --no-deps --editable .
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
