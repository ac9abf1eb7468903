# Leitstand. `make demo` shows everything; `make help` lists the rest.
# Needs Python 3.11 or newer, make, and access to the Python package index. ARGS is passed on:
# make demo ARGS="--exit"

SHELL := /bin/sh
# Compiled tests are kept: compiling them anew takes longer than most of them run.
unexport PYTHONDONTWRITEBYTECODE
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
BROKERS := .venv-brokers
BROKERS_STAMP := $(BROKERS)/installed
JOBS ?= 2
ARGS ?=

.PHONY: help demo install run test check soak bench requirements

help:
	@echo "make demo     a whole month with a simulated fleet, then the portal (ARGS=\"--exit\" ends)"
	@echo "make run      the server alone, ready for real stations"
	@echo "make install  only the pinned requirements, in $(VENV)"
	@echo "make check    format, lint, types, import contracts, migrations, fast tests"
	@echo "make test     every test but the long ones; installs a browser if there is none"
	@echo "make soak     the long tests"
	@echo "make bench    the benchmark"

demo: $(STAMP)
	@$(BIN)/leitstand demo $(ARGS)

run: $(STAMP)
	@$(BIN)/leitstand serve $(ARGS)

install: $(STAMP)

# Format, lint, types and contracts first: they fail fastest. Of the tests those that need no
# database, and the migrations' check (tests/migrations).
check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n $(JOBS) --dist loadscope --max-worker-restart 0 -m "not slow and not soak and not database" $(ARGS)

test: $(STAMP) $(BROKERS_STAMP)
	CHROMIUM="$$(.ci/browser)" && export CHROMIUM && \
	$(BIN)/pytest -q -n $(JOBS) --dist loadscope --max-worker-restart 0 -m "not soak" $(ARGS)

soak: $(STAMP) $(BROKERS_STAMP)
	$(BIN)/pytest -q -m soak --timeout 1500 $(ARGS)

bench: $(STAMP)
	@$(BIN)/python -m tests.bench $(ARGS)

# The pinned set, with hashes, for every Python from 3.11 on and every system.
requirements: $(STAMP)
	cd requirements && ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url $(ARGS) dev.in -o all.txt
	cd requirements && ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url $(ARGS) broker.in -o broker.txt
	cd requirements && ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url $(ARGS) run.in -c all.txt -o run.txt

# Made anew when the pins or the package's description change, or when Python itself went away.
$(STAMP): requirements/all.txt pyproject.toml
	@set -e; \
	if ! $(BIN)/python -c "" 2>/dev/null; then \
		rm -rf $(VENV); found=; \
		for python in python3 python3.14 python3.13 python3.12 python3.11; do \
			if $$python -c "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))" \
				2>/dev/null; then found=$$python; break; fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "Python 3.11 or newer with venv and pip is needed (on Debian: apt-get install" \
				"python3-venv)." >&2; exit 1; \
		fi; \
		echo "Making $(VENV) with $$($$found --version)."; \
		$$found -m venv $(VENV); \
	fi; \
	echo "Installing the pinned requirements (about 200 MB, once)."; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
		--require-hashes -r requirements/all.txt; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
		--no-deps --no-build-isolation -e .; \
	touch $(STAMP)

# The brokers of the tests, apart from everything else: they pin libraries that we do not.
$(BROKERS_STAMP): $(STAMP) requirements/broker.txt
	@set -e; \
	rm -rf $(BROKERS); \
	echo "Making $(BROKERS) with the brokers of the tests."; \
	$(BIN)/python -m venv $(BROKERS); \
	$(BROKERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
		--require-hashes -r requirements/broker.txt; \
	touch $(BROKERS_STAMP)
