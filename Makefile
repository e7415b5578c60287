# mnistkit: `make help` lists what there is. Needs python3 (3.11 or newer), make and a package index.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
UV_VERSION := 0.13.8

# OpenMP threads that spin while they wait slow each other down on busy or small machines.
export OMP_WAIT_POLICY ?= PASSIVE

# Tests run in so many processes; each may use 4 GB.
WORKERS ?= 2
PARALLEL := -n $(WORKERS) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help install run check test lab teach format lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1	/' | expand -t 16

install: $(STAMP) ## install the locked packages into .venv; all others do so too

run: $(STAMP) ## run every lesson on the best data there is, then print where the report is
	@$(BIN)/mnistkit run

check: $(STAMP) ## the quick checks: format, types, and all tests that are not marked slow
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests -m "not slow" $(PARALLEL)

test: $(STAMP) ## every check, offline and on stand-in data (a few need the real files: MNISTKIT_DATA)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MNISTKIT_STRICT=1 $(BIN)/mnistkit run --preset smoke --out build/run
	MNISTKIT_SMOKE_RUN=$(CURDIR)/build/run $(BIN)/python -m pytest tests $(PARALLEL)
	@rm -rf build/smoke
	$(BIN)/mnistkit run --preset smoke -p further=false --prepare-only --out build/smoke
	MNISTKIT_DATA= MNISTKIT_RUN=$(CURDIR)/build/smoke PYTHONPATH=tests $(BIN)/python -m pytest \
	  -p no:cacheprovider -p nbval_notices_death -p nbval_student_edition -n $(WORKERS) --dist loadfile \
	  --nbval-lax --nbval-cell-timeout=120 build/smoke

lab: $(STAMP) ## open the lessons as a student gets them, in JupyterLab, in the folder work
	@$(BIN)/mnistkit lab

teach: $(STAMP) ## open the lessons with their solutions in JupyterLab
	@$(BIN)/mnistkit lab --teach

format: $(STAMP) ## format the code, strip the notebooks and fold their check cells
	$(BIN)/python -m mnistkit.course.check_cells notebooks/*.ipynb
	$(BIN)/nbstripout --keep-id --drop-empty-cells --extra-keys "metadata.language_info" notebooks/*.ipynb
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# jsonschema 4.25 builds a grammar of IRIs whenever nbformat is imported, a second for each command and each
# worker (python-jsonschema/jsonschema#1428).
lock: $(STAMP) ## choose the newest versions again and write requirements.lock
	echo 'jsonschema <4.25' | $(BIN)/uv pip compile pyproject.toml --constraints - --all-extras --universal --python-version 3.11 --fork-strategy fewest \
	  --upgrade --generate-hashes --no-emit-index-url --no-header --no-annotate --output-file requirements.lock

clean: ## remove the environment, builds and runs (never data)
	rm -rf $(VENV) build runs .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The stamp is written last, so an interrupted installation is done again. uv is about eight times faster
# than pip here; where it can't be had, pip installs the same locked versions.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "mnistkit needs Python 3.11 or newer; '$(PYTHON)' is `$(PYTHON) --version 2>&1`. Try: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "'$(PYTHON) -m venv' failed. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Installing the locked packages into $(VENV) (once) ..."
	@export VIRTUAL_ENV="$(CURDIR)/$(VENV)"; \
	( $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) && \
	  $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock && \
	  $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e . ) 2>$(VENV)/uv.log || \
	( echo "uv could not do it (see $(VENV)/uv.log); pip does it too, in some minutes ..." && \
	  $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e . )
	@touch $@
