# make run    set up .venv and train SASRec on ml-100k: data, epochs, test table
# make test   set up .venv with the test extra and run the whole suite
# make slow   the tests on whole data sets, Spark, Triton, trackers and energy, which want a Java, NEXTITEM_DATA and their extras
# make fuzz   damaged logs for minutes, one answer on every road that reads them; SECONDS=600 SEED=7 for others
# make chaos  commands killed, interrupted, out of room, two at once: nothing lost; KILLS=200 SEED=7 for others
# make processors  kernels with features of the processor masked, and as code of others; four minutes
# make docs   the site, into build/docs: every page in English, the way in and guides in Chinese, too; no network
# make locked what run and test take, every file by its digest (supply/*.txt); make lock: those files from constraints.txt
# make bill   of what is installed: build/bill/sbom.json (CycloneDX) and licences.csv; no release that is known to be bad
# make versions  the tests on the oldest and newest release of each core dependency; SETS=oldest TESTS='tests/data' for less
# make bench-claims  measures anew what README.md claims, for hours; CLAIMS='--only stan_beauty', CLAIMS=--list for less
# make pictures  those of the terminal in docs/pictures, drawn anew
# make check  format, lint, strict types, tests: what a change must pass
# make clean  remove .venv and caches (runs/ stays)

PYTHON ?= python3
VENV := .venv
SECONDS := 180
SEED := 0
KILLS := 200
CLAIMS :=
SETS := oldest newest
TORCH :=
TESTS := -n auto --dist loadfile
BIN := $(VENV)/bin
TOOLS := build/tools
BILL := build/bill
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
LOCKED := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps

.PHONY: run test slow fuzz chaos processors docs pictures bench-claims check lint setup locked lock bill versions clean

run: $(VENV)/.installed
	$(BIN)/nextitem run

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n auto --dist loadfile

slow: $(VENV)/.installed-slow
	$(BIN)/python -m pytest -m slow --ignore=tests/chaos --ignore=tests/nn/test_processors.py
	$(BIN)/python -m pytest tests/data/sources/test_engines.py tests/nn/test_scan_gpu.py tests/nn/losses/test_full_score_gpu.py tests/runs/folder/test_loggers.py tests/runs/folder/test_energy.py

fuzz: $(VENV)/.installed-test
	NEXTITEM_FUZZ_SECONDS=$(SECONDS) NEXTITEM_FUZZ_SEED=$(SEED) $(BIN)/python -m pytest -m slow -s tests/fuzz

chaos: $(VENV)/.installed-test
	NEXTITEM_CHAOS_KILLS=$(KILLS) NEXTITEM_CHAOS_SEED=$(SEED) $(BIN)/python -m pytest -m slow -s -n 0 tests/chaos

processors: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m slow -n 0 tests/nn/test_processors.py

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo 'open build/docs/index.html'

bench-claims: $(VENV)/.installed
	$(BIN)/python benchmarks/claims.py $(CLAIMS)

pictures: $(VENV)/.installed
	$(BIN)/python website/pictures.py

check: lint test

lint: $(VENV)/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

setup: $(VENV)/.installed-test

locked: $(VENV)/.installed-locked

lock: $(TOOLS)/.installed
	$(TOOLS)/bin/python supply/lock.py

bill: $(VENV)/.installed $(TOOLS)/.installed
	mkdir -p $(BILL)
	$(TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON -o $(BILL)/sbom.json $(BIN)/python
	$(BIN)/python supply/licences.py $(BILL)/sbom.json
	$(BIN)/python supply/known_bad.py $(BILL)/sbom.json
	@echo '$(BILL)/sbom.json and licences.csv are written'

# TORCH=2.13.0 in both sets, where the oldest or the newest has no build for the CPU.
versions:
	$(PYTHON) supply/versions.py $(SETS) $(if $(TORCH),--torch $(TORCH)) --keep build/versions --tests='$(TESTS)'

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
	$(PIP) --editable '.[docs,energy,gpu,mlflow,notebooks,spark,swanlab,test,wandb]'
	@touch $@

# The parts of CUDA are for a torch that is not built for the CPU. What run and test install is there then.
$(VENV)/.installed-locked: $(VENV)/.created supply/test.txt supply/cuda.txt
	$(LOCKED) --requirement supply/test.txt
	$(BIN)/python -c 'import sys; from importlib.metadata import version; sys.exit("+cpu" not in version("torch"))' \
		|| $(LOCKED) --requirement supply/cuda.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m pip check
	@touch $@ $(VENV)/.installed $(VENV)/.installed-test

$(TOOLS)/.installed: Makefile
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9 cyclonedx-bom==7.5.0
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build/docs build/pages $(TOOLS) $(BILL) build/versions
