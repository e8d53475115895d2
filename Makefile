# `make demo` and `make test` bring everything they need; the rest is for people who stay.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(shell for v in python3.13 python3.12 python3.11 python3; do $$v -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && { echo $$v; break; }; done)
BIN := .venv/bin
STAMP := .venv/.installed
UV_VERSION := $(shell sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements.lock)

# One place for what must never phone home, and for bytecode: compiled imports halve a run.
export DAGSTER_DISABLE_TELEMETRY := yes
export DO_NOT_TRACK := 1
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo test lint dev lock clean
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "pacer_pipelines needs Python 3.11, 3.12 or 3.13 on the PATH"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet "uv==$(UV_VERSION)"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

setup: $(STAMP) ## create .venv from requirements.lock

lock: ## resolve pyproject.toml anew into requirements.lock (no address of a registry is written)
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" --quiet --group dev pyproject.toml -o requirements.lock
