# make run    set up .venv and train SASRec on ml-100k: data, epochs, test table
# make test   set up .venv with the test extra and run the whole suite
# make slow   the tests on whole data sets, Spark, Triton and trackers, which want a Java, NEXTITEM_DATA and their extras
# make fuzz   damaged logs for minutes, one answer on every road that reads them; SECONDS=600 SEED=7 for others
# make docs   the site, into build/docs: every page in English, the way in and guides in Chinese, too; no network
# make pictures  those of the terminal in docs/pictures, drawn anew
# make check  format, lint, strict types, tests: what a change must pass
# make clean  remove .venv and caches (runs/ stays)

PYTHON ?= python3
VENV := .venv
SECONDS := 180
SEED := 0
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run test slow fuzz docs pictures check lint setup clean

run: $(VENV)/.installed
	$(BIN)/nextitem run

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n auto --dist loadfile

slow: $(VENV)/.installed-slow
	$(BIN)/python -m pytest -m slow
	$(BIN)/python -m pytest tests/data/sources/test_engines.py tests/nn/test_scan_gpu.py tests/runs/folder/test_loggers.py

fuzz: $(VENV)/.installed-test
	NEXTITEM_FUZZ_SECONDS=$(SECONDS) NEXTITEM_FUZZ_SEED=$(SEED) $(BIN)/python -m pytest -m slow -s tests/fuzz

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo 'open build/docs/index.html'

pictures: $(VENV)/.installed
	$(BIN)/python website/pictures.py

check: lint test

lint: $(VENV)/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

setup: $(VENV)/.installed-test

# Stamps: nothing is installed again until the pins or the metadata change.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit("nextitem needs Python 3.11 or newer; set PYTHON=python3.x" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml constraints.txt
	$(PIP) torch
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) --editable '.[test]'
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(PIP) --editable '.[docs]'
	@touch $@

$(VENV)/.installed-slow: $(VENV)/.installed-test
	$(PIP) --editable '.[docs,gpu,mlflow,spark,test]'
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build/docs build/pages
