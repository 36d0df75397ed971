# Every target makes the environment it needs by itself. Needs: make and Python 3.11 or newer.
#   make demo      a prompt becomes demo.mp4, through a real gateway (PROMPT=, MODEL=, OUT=)
#   make serve     the gateway on http://127.0.0.1:8787
#   make test      the whole suite, PostgreSQL included
#   make check     format, lint, types, import arrows, sizes
#   make bench     the programs in bench/, each with its figure
#   make screenshots  the pictures of docs/console, by a gateway of their own and Chromium
#   make env       only the environment (.venv)
#   make clean     remove the environment and all caches

SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
PROMPT ?= A red fox walks through deep snow at dawn, slow dolly in
MODEL ?= kling-v2-5-turbo-pro
OUT ?= demo.mp4
TEST_PROCESSES ?= 2

.DEFAULT_GOAL := help
.PHONY: help env dev-env demo serve test check format bench screenshots clean lock

help:
	@sed -n '2,10s/^# *//p' Makefile

env: $(VENV)/.runtime
dev-env: $(VENV)/.dev $(VENV)/.node

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Reelway needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); $(PYTHON) -m venv --without-pip $(VENV) && $(BIN)/python tools/pip_bootstrap.py; }

$(VENV)/.runtime: requirements/runtime.lock pyproject.toml | $(BIN)/python
	@echo "Installing the locked packages (about a minute) ..."
	@$(PIP) install --quiet --require-hashes --no-deps -r requirements/runtime.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.runtime
	@echo "Installing the locked packages for tests and checks ..."
	@$(PIP) install --quiet --require-hashes --no-deps -r requirements/dev.lock
	@touch $@

# The Node SDK for tests/clients, pinned by its lock file; Node itself comes as a wheel with the development lock.
$(VENV)/.node: tests/clients/node/package-lock.json $(VENV)/.dev
	@echo "Installing the locked Node SDK for tests ..."
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --prefix tests/clients/node --ignore-scripts --no-audit --no-fund --silent
	@touch $@

demo: env
	@$(BIN)/reelway demo --prompt "$$PROMPT" --model "$$MODEL" --out "$$OUT"
demo: export PROMPT := $(PROMPT)
demo: export MODEL := $(MODEL)
demo: export OUT := $(OUT)

serve: env
	@exec $(BIN)/reelway serve

test: dev-env
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadscope $(ARGS)

check: dev-env
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest -q tests/architecture

format: dev-env
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: dev-env
	@$(BIN)/python -m bench $(ARGS)

screenshots: dev-env
	@$(BIN)/python -m tools.console_screenshots docs/console

lock:
	@tools/lock.sh

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
