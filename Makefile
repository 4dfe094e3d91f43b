# `make run` is all that a fresh checkout needs. Every step leaves a stamp, so that the next run takes seconds.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
export PATH := $(CURDIR)/$(BIN):$(PATH)
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A prompt would stop an unattended run, and a uv configured for another project must not bend this one.
export PIP_NO_INPUT := 1
unexport UV_PROJECT_ENVIRONMENT VIRTUAL_ENV PYTHONPATH PYTHONHOME

MAILSERVER_PACKAGES := dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-submissiond
# Playwright's own node wants libatomic1, which a machine with a desktop has and a bare one lacks.
TEST_PACKAGES := $(MAILSERVER_PACKAGES) chromium libatomic1 postgresql
# They exclude Dovecot as packages, so they are unpacked beside it; without them the tests against them are skipped.
UNPACKED_SERVERS := cyrus-imapd courier-imap
ASSETS := static/dist/app.js
ASSET_SOURCES := package.json package-lock.json static/build.mjs static/icons.txt $(wildcard static/js/*.js static/js/*/*.js)

.PHONY: help run env assets test test-sqlite test-postgresql bench soak exhaustive planted growth lock clean
.PHONY: lint lint-style lint-imports lint-types lint-templates lint-deployment

help:
	@echo "make run     start everything here: web, worker, demo mail server (PORT=8000, HOST=127.0.0.1)"
	@echo "make test    all tests, on SQLite and on a private PostgreSQL"
	@echo "make lint    style, types, import directions, templates, deployment checks"
	@echo "make bench   measure the product"
	@echo "make soak    two programs on one mailbox, anything breaking at random, for hours (SEEDS=200 OPS=300 HOURS=8)"
	@echo "make exhaustive  every flow that writes, cut short at every place there is (some 1,400)"
	@echo "make planted whether the tests notice bugs planted into a copy of the tree"
	@echo "make growth  what a message costs in a folder of a thousand to a million (SIZES=1000,10000,100000)"
	@echo "make env     only the Python environment with everything for development"
	@echo "make assets  only the browser's files"
	@echo "make lock    write the lock files again from pyproject.toml and package.json"
	@echo "make clean   remove what was built; var/ (the data) stays"

run: $(STAMPS)/run $(ASSETS)
	@.ci/packages --optional $(MAILSERVER_PACKAGES)
	@exec $(BIN)/python manage.py start

env: $(STAMPS)/dev

assets: $(ASSETS)

# --- environment --------------------------------------------------------------------------------------------------------

$(STAMPS)/uv:
	@.ci/environment "$(PYTHON)" "$(VENV)" "$(UV_VERSION)"
	@mkdir -p $(STAMPS) && touch $@

# The development environment contains all that running needs: do not take it away again.
$(STAMPS)/run: requirements-demo.txt | $(STAMPS)/uv
	@if [ ! -e $(STAMPS)/dev ]; then .ci/sync $(BIN) requirements-demo.txt; \
	 else $(MAKE) --no-print-directory env; fi
	@touch $@

$(STAMPS)/dev: requirements-dev.txt | $(STAMPS)/uv
	@.ci/sync $(BIN) requirements-dev.txt
	@touch $@

$(ASSETS): $(ASSET_SOURCES) | $(STAMPS)/uv
	@.ci/assets "$(BIN)"
	@touch $@

lock:
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --universal \
	  --output-file requirements.txt pyproject.toml
	for group in demo dev node; do \
	  base=pyproject.toml; [ $$group != node ] || base=; \
	  $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --universal \
	    --constraint requirements.txt --output-file requirements-$$group.txt $$base --group pyproject.toml:$$group; done
	npm install --package-lock-only

# --- checks -------------------------------------------------------------------------------------------------------------

test: $(STAMPS)/dev $(ASSETS)
	@.ci/packages $(TEST_PACKAGES)
	@.ci/unpacked $(VENV)/servers $(UNPACKED_SERVERS)
	@$(MAKE) --no-print-directory test-sqlite
	@$(MAKE) --no-print-directory test-postgresql

test-sqlite: $(STAMPS)/dev $(ASSETS)
	$(BIN)/pytest -n 3 --dist loadgroup $(PYTEST)

test-postgresql: $(STAMPS)/dev $(ASSETS)
	$(BIN)/python -m tests.servers.postgres $(BIN)/pytest -m database $(PYTEST)

lint: lint-style lint-imports lint-types lint-templates lint-deployment

lint-style: $(STAMPS)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

lint-imports: $(STAMPS)/dev
	PYTHONPATH=. $(BIN)/lint-imports --no-cache

lint-types: $(STAMPS)/dev
	$(BIN)/mypy manage.py webmail accounts tests

lint-templates: $(STAMPS)/dev
	$(BIN)/djlint --lint --quiet templates

lint-deployment: $(STAMPS)/dev
	.ci/deployment-checks $(BIN)/python

bench: $(STAMPS)/dev $(ASSETS)
	@.ci/packages $(MAILSERVER_PACKAGES)
	$(BIN)/python -m tests.bench $(BENCH)

# What is too long for every run of the tests; on loopback alone.
soak: $(STAMPS)/dev $(ASSETS)
	@.ci/packages $(MAILSERVER_PACKAGES)
	SEEDS="$(SEEDS)" OPS="$(OPS)" HOURS="$(HOURS)" nice $(BIN)/python -m tests.convergence.soak

exhaustive: $(STAMPS)/dev $(ASSETS)
	@.ci/packages $(MAILSERVER_PACKAGES)
	EXHAUSTIVE=1 nice $(BIN)/pytest -q -p no:cacheprovider tests/convergence/test_interrupted.py $(PYTEST)

planted: $(STAMPS)/dev $(ASSETS)
	@.ci/packages $(MAILSERVER_PACKAGES)
	$(BIN)/python -m tests.planted

growth: $(STAMPS)/dev
	GROWTH_SIZES="$(SIZES)" $(BIN)/pytest -q -s -p no:cacheprovider --timeout 0 tests/bench/growth.py

clean:
	rm -rf $(VENV) node_modules static/dist staticfiles .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
