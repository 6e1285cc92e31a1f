# One verb per need. `make run` and `make test` set up everything they use.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_READY := $(VENV)/.run-ready
DEV_READY := $(VENV)/.dev-ready

.PHONY: install run demo test lint types imports unit contract system servers test-faults bench bench-tag bench-kafka eval secrets up down dashboard lock format clean

# pip checks every download against the hashes in the lock; the project itself is installed in place.
$(RUN_READY): requirements/run.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_READY): requirements/dev.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@ $(RUN_READY)

install: $(DEV_READY)  ## everything a developer needs, from the lock

run: $(RUN_READY)  ## the whole of Attaché in one process, page on http://localhost:8080
	$(BIN)/attache run

demo: $(RUN_READY)  ## the same, offline, on bundled sample feeds
	$(BIN)/attache demo $(ARGS)

test: lint types imports unit contract system  ## all that CI runs

lint: $(DEV_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV_READY)
	$(BIN)/mypy

imports: $(DEV_READY)
	$(BIN)/lint-imports

unit contract system: $(DEV_READY)
	$(BIN)/pytest tests/$@ $(PYTEST_ARGS)

servers: $(DEV_READY)  ## fetch the jars of the broker that tests start, where Java and Maven are
	$(BIN)/python -m tests.servers.kafka

test-faults: $(DEV_READY)  ## what is promised, under kills, outages, full disks and storms; minutes long
	$(BIN)/pytest tests/faults $(PYTEST_ARGS)

bench: $(DEV_READY)  ## speed, as ratios within one run
	$(BIN)/python -m tests.bench

bench-tag: $(DEV_READY)  ## the tagger alone: items per second beside a bare scan, start-up, memory, hostile texts
	$(BIN)/python -m tests.bench.tagger

bench-kafka: $(DEV_READY)  ## the same on a real Kafka and PostgreSQL, as ratios to aiokafka alone and to COPY
	$(BIN)/python -m tests.bench.kafka $(ARGS)

eval: $(DEV_READY)  ## score the tagger on the labelled items, where they are present
	@if ls ../shared/gold/*.jsonl >/dev/null 2>&1; then \
	  for f in ../shared/gold/*.jsonl; do $(BIN)/attache eval "$$f"; done; \
	else echo "eval: no labelled items beside this checkout (../shared/gold); nothing to score"; fi

secrets:  ## what compose needs once per machine: random passwords, a subscriptions file, .env
	deploy/prepare.sh

up: secrets  ## containers: Kafka, PostgreSQL, the five services, Prometheus, Grafana
	docker compose up --detach --build
	@echo "page http://localhost:8080 · Prometheus http://localhost:9090 · Grafana http://localhost:3000 (admin, deploy/local/secrets/grafana_password)"

down:
	docker compose down

dashboard:  ## Grafana's JSON from deploy/grafana/panels.toml
	$(PYTHON) deploy/grafana/generate.py

format: $(DEV_READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(DEV_READY)  ## resolve the dependencies again
	$(BIN)/python -m pip install --quiet uv
	for k in run dev; do $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet requirements/$$k.in -o requirements/$$k.lock; done

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
