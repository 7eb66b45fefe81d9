# Everything a person or a machine does with this checkout. `make` alone lists it.
# Needs only python3 (3.11 or newer), make and git; uv is used when it is on the PATH.

PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= auto
ARGS   ?=

BIN := $(VENV)/bin
RUN := $(VENV)/.run-ok
DEV := $(VENV)/.dev-ok

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo serve venv test coverage quick lint nightly bench check pictures fmt lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(RUN)  ## install what it takes to run, then show the house with made-up customers
	$(BIN)/outreach demo $(ARGS)

serve: $(RUN)  ## one web worker and one clock, on the settings of the environment and .env
	$(BIN)/outreach serve $(ARGS)

check: $(RUN)  ## check the playbooks, then run their stories
	$(BIN)/outreach check
	$(BIN)/outreach test

bench: $(RUN)  ## measure this machine
	$(BIN)/outreach bench $(ARGS)

venv: $(DEV)  ## the developer's environment in .venv

test: lint  ## everything that must hold before a merge: lint, types, layers, tests
	$(BIN)/pytest -n $(JOBS) --dist worksteal $(ARGS)

coverage: $(DEV)  ## the same tests, and which lines none of them has been on
	$(BIN)/pytest -n $(JOBS) --dist worksteal --cov --cov-report=term:skip-covered $(ARGS)

quick: $(DEV)  ## the tests that need neither PostgreSQL nor a browser
	$(BIN)/pytest -q -n $(JOBS) --dist worksteal -m "not postgres and not browser" $(ARGS)

lint: $(DEV)  ## ruff, mypy and the contracts of the house
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

nightly: $(DEV)  ## the same tests with many more examples, and the slow ones
	OUTREACH_TEST_PROFILE=nightly $(BIN)/pytest -n $(JOBS) --dist worksteal $(ARGS)

pictures: $(DEV)  ## take the documentation's pictures anew, with a browser
	OUTREACH_TEST_PICTURES=keep $(BIN)/pytest -q --no-cov tests/web/test_pictures.py $(ARGS)

fmt: $(DEV)  ## put the code in order
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

# The locks hold for every platform and name no host. Only this target needs uv.
LOCK := uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links
lock:  ## write requirements*.txt anew from pyproject.toml (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: install it and try again." >&2; exit 1; }
	$(LOCK) $(ARGS) --extra dev pyproject.toml -o requirements.txt
	$(LOCK) --extra build -c requirements.txt pyproject.toml -o requirements-run.txt

clean:  ## remove what can be made again (not your data, not .env)
	rm -rf $(VENV) build dist .coverage .coverage.* coverage.xml htmlcov test-results \
	  .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment ------------------------------------------------------------------------------
# uv, from the PATH or else from the lock, installs in seconds what pip needs a minute for; where uv cannot
# (a package mirror known to pip alone), pip does it. Two installs because hashed requirements and an
# editable one cannot share a command. The locks cover the build backend, too: nothing unnamed is fetched.

PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -q install --no-compile

define install
	@echo "installing $(1) into $(VENV) …"
	@if ! command -v uv >/dev/null && [ ! -x $(BIN)/uv ]; then \
	  awk '/^[^ ]/ {uv = /^uv==/} uv' $(1) >$(VENV)/uv.txt && $(PIP) --require-hashes -r $(VENV)/uv.txt || true; \
	fi
	@UV="$$(command -v uv || echo $(BIN)/uv)"; \
	INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null)}}"; \
	if [ -n "$$INDEX" ]; then export UV_DEFAULT_INDEX="$$INDEX"; fi; \
	export UV_HTTP_RETRIES="$${UV_HTTP_RETRIES:-1}"; \
	if [ -x "$$UV" ] && \
	  "$$UV" pip install -q -p $(BIN)/python --require-hashes -r $(1) && \
	  "$$UV" pip install -q -p $(BIN)/python --no-deps --no-build-isolation -e . ; then :; \
	else \
	  echo "… with pip, which takes a minute or two" && \
	  $(PIP) --require-hashes -r $(1) && $(PIP) --no-deps --no-build-isolation -e . ; \
	fi
endef

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Outreach needs Python 3.11 or newer; say which one: make PYTHON=python3.12 …" >&2; exit 1; }
	@if command -v uv >/dev/null; then \
	  uv venv -q --allow-existing --no-python-downloads -p "$$(command -v $(PYTHON))" $(VENV); \
	elif $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
	  $(PYTHON) -m venv $(VENV); \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "python3-venv is missing: installing it …"; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  { apt-get install -qq -y python3-venv || { apt-get update -qq && apt-get install -qq -y python3-venv; }; } >/dev/null && \
	  $(PYTHON) -m venv --clear $(VENV); \
	else \
	  echo "This Python cannot make a virtual environment. On Debian: sudo apt-get install python3-venv" >&2; exit 1; \
	fi

# What the developer has includes what a run needs, so a finished .dev-ok is enough for both.
$(RUN): pyproject.toml requirements-run.txt | $(BIN)/python
	@if [ ! -e $(DEV) ] || [ -n "$$(find $^ -newer $(DEV))" ]; then :; $(MAKE) -s --no-print-directory .install-run; fi
	@touch $@

.PHONY: .install-run
.install-run:
	$(call install,requirements-run.txt)

$(DEV): pyproject.toml requirements.txt | $(BIN)/python
	$(call install,requirements.txt)
	@touch $@
