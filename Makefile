# `make demo` and `make test` bring everything they need; the rest is for people who stay.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(shell for v in python3.13 python3.12 python3.11 python3; do $$v -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && { echo $$v; break; }; done)
BIN := .venv/bin
STAMP := .venv/.installed
PEERS := .venv/.peers
UV_VERSION := $(shell sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements.lock)

# Tried with the system's certificates first: behind a company's proxy only those know its registry.
SYNC := pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
OWN := pip install --quiet --python $(BIN)/python --no-deps --editable .

# What a verdict rests on: a branch that no test takes fails the run.
EVERY_BRANCH := --cov pacer_pipelines.stats --cov pacer_pipelines.decisions --cov-branch --cov-fail-under 100 \
	--cov-report term-missing:skip-covered

# One place for what must never phone home, and for bytecode: compiled imports halve a run.
export DAGSTER_DISABLE_TELEMETRY := yes
export DO_NOT_TRACK := 1
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo dashboard test soak bench calibrate season mutate lint dev lock pictures screenshots clean
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "pacer_pipelines needs Python 3.11, 3.12 or 3.13 on the PATH"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	$(BIN)/uv --system-certs $(SYNC) || $(BIN)/uv $(SYNC)
	$(BIN)/uv --system-certs $(OWN) || $(BIN)/uv $(OWN)
	@touch $@

# programs of others for the tests: an emulator of Slack, a browser
$(PEERS): tests/peers/package-lock.json tests/peers/install.py $(STAMP)
	$(BIN)/python tests/peers/install.py
	@touch $@

setup: $(STAMP) ## create .venv from requirements.lock

lock: ## resolve pyproject.toml anew into requirements.lock (no address of a registry is written)
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" --quiet --all-extras --group dev pyproject.toml -o requirements.lock

demo: $(STAMP) ## judge each day of the example fortnight and show the last verdict
	@rm -rf .demo && mkdir -p .demo && cp examples/pacer_fortnight/flags/v2.json .demo/pacer.flagd.json
	@$(BIN)/pacer run --config examples/pacer_fortnight/pacer.toml --from 2026-11-02 --to 2026-11-15

dashboard: $(STAMP) ## show the example's dashboard, after make demo
	@$(BIN)/pacer dashboard --config examples/pacer_fortnight/pacer.toml

test: $(PEERS) lint ## linters, types, import contracts and the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/stats tests/decisions $(EVERY_BRANCH)
	$(BIN)/python -m pytest -n 2 --dist loadfile --ignore tests/stats --ignore tests/decisions -m "not soak"

soak: $(PEERS) ## the long tests: kill points, disorder, viewers beside a run, two more peers (about 15 minutes)
	PACER_SOAK=1 $(BIN)/python -m pytest -n 2 --dist loadfile tests/pipeline/test_crashes.py tests/pipeline/test_delivery_order.py tests/dashboard/test_viewers.py \
		tests/reference/test_adjusted_fortnight.py tests/reference/test_card_shares.py

bench: $(STAMP) demo ## 10,000 analyses beside tea-tasting and gbstats; a served request beside OpenFeature alone; a season on the dashboard
	$(BIN)/python benchmarks/many_effects.py
	$(BIN)/python benchmarks/serving_overhead.py
	$(BIN)/python benchmarks/dashboard_season.py

calibrate: $(STAMP) ## simulate thousands of experiments and write docs/calibration.md (about 12 minutes)
	PYTHONPATH=tests $(BIN)/python -m simulation.calibrate

season: $(STAMP) ## live through 42 days of three planted worlds and write docs/season.md (about 18 minutes)
	PYTHONPATH=tests $(BIN)/python -m season.drive

mutate: $(STAMP) ## change each rule in every small way and see whether a test fails (about 15 minutes)
	PYTHONPATH=tests $(BIN)/python -m mutation.run

lint: $(STAMP) ## ruff, mypy, import-linter, sqlfluff
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/sqlfluff lint --processes 2 dbt_project/models dbt_project/macros

dev: $(STAMP) ## open the Dagster UI on the world of PACER_CONFIG (default: the example)
	@export PACER_CONFIG="$${PACER_CONFIG:-examples/pacer_fortnight/pacer.toml}"; \
	home="$$($(BIN)/pacer home)"; export DAGSTER_HOME="$$home/dagster"; \
	exec $(BIN)/dagster dev -w workspace.yaml

pictures: demo ## draw the pictures of docs/statistics.md anew
	$(BIN)/python docs/draw_pictures.py examples/pacer_fortnight/pacer.toml

screenshots: $(PEERS) demo ## photograph the dashboard's views into docs/dashboard
	PYTHONPATH=tests $(BIN)/python docs/take_screenshots.py examples/pacer_fortnight/pacer.toml

clean: ## remove the environment and the demo's output
	rm -rf .venv .demo dbt_project/target
