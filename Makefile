# Everything below works on a machine that has only Python 3.11+ (with venv and pip), git and make.
PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check fix bench simulate proof
.DEFAULT_GOAL := check

# uv is fetched into the environment itself, so nothing has to be installed beforehand.
$(READY): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it with make PYTHON=python3.12 …"; exit 1; }
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); }
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv sync --quiet --frozen --inexact --python $(BIN)/python
	@touch $(READY)

demo: $(READY)
	@$(BIN)/reconciler demo

test: $(READY)
	$(BIN)/pytest -n auto

# Quickest first, so that the cheapest answer comes soonest.
check: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto --cov --cov-report=
	$(BIN)/coverage report --include='reconciler/planning/*,reconciler/agora/answers.py,reconciler/agora/wire.py' --fail-under=100

fix: $(READY)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# Every benchmark, or those that are named: make bench ONLY="polling saving"
bench: $(READY)
	$(BIN)/python -m tests.bench $(ONLY)

# Lives drawn from seeds: make simulate SEEDS=200, SEEDS=1000..1500, or one of them: SEED=4711
SEEDS ?= 200
simulate: $(READY)
	@$(BIN)/python -m tests.simulation $(if $(SEED),=$(SEED),$(SEEDS))

# Everything that takes long (how long: CONTRIBUTING.md). Quickest first; the seeds take more than half of it.
PROOF_SEEDS ?= 30000
proof: $(READY)
	@$(BIN)/python -m tests.simulation.mutations
	@RECONCILER_FUZZ=proof $(BIN)/pytest -q -n auto -o faulthandler_timeout=7200 tests/fuzz
	@$(BIN)/python -m tests.simulation.points
	@$(BIN)/python -m tests.simulation $(PROOF_SEEDS)
