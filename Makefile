# Each target does all its own set-up. Needed: Python 3.11 or newer, make, a package index.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# compiled once and kept: some machines say otherwise, and the tests start hundreds of processes
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo test check lint bench soak money-test migration docs clean

help:
	@echo "make demo        two simulated stores, read into a private database"
	@echo "make demo KEEP=1 the same, and then the console in the browser until Ctrl-C"
	@echo "make install     $(VENV) with storelink and its tools"
	@echo "make test        all checks and tests"
	@echo "make check       format, lint, types, imports, migrations"
	@echo "make soak        the tests with their full numbers"
	@echo "make money-test  2,000 refunds while everything goes wrong, against the gateways' ledgers"
	@echo "make bench       speed and memory"
	@echo "make migration m='what and why'    a migration for changed models"
	@echo "make docs        docs/data-model.md anew from the models, and the site into site/"

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@python=; for name in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14; do \
		if command -v $$name >/dev/null 2>&1 && \
		$$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "storelink needs Python 3.11 or newer, with its venv module (on Debian and Ubuntu: the"; \
		echo "package python3-venv). If you have one under another name: make PYTHON=/path/to/python"; \
		exit 1; \
	fi; \
	if [ -x $(BIN)/python ] && $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; \
	then :; else rm -rf $(VENV) && $$python -m venv $(VENV); fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable '.[dev]'
	@touch $@

demo: install
	$(BIN)/storelink demo $(if $(KEEP),--keep)

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

check: lint
	$(BIN)/pytest -q tests/models

test: lint
	$(BIN)/pytest -q -n 4 --dist worksteal

soak: install
	STORELINK_SOAK=1 $(BIN)/pytest -q -n 2 --dist worksteal

money-test: install
	MONEY_REFUNDS=2000 $(BIN)/pytest -q -s tests/money/test_money.py

bench: install
	$(BIN)/python bench/run.py

migration: install
	$(BIN)/python tools/migrate.py "$(m)"

docs: install
	$(BIN)/python -m storelink.models.document > docs/data-model.new
	mv docs/data-model.new docs/data-model.md
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
