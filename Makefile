# mnistkit: `make help` lists what there is. Needs python3 (3.11 to 3.13), make and a package index.
# Without make: python install.py, then .venv/bin/mnistkit lab, run or test (.venv\Scripts\mnistkit on Windows).

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# OpenMP threads that spin while they wait slow each other down on busy or small machines.
export OMP_WAIT_POLICY ?= PASSIVE

# WORKERS=1 make test: in so many processes, where not as many as fit here.
JOBS := $(if $(WORKERS),-j $(WORKERS))

.DEFAULT_GOAL := help
.PHONY: help install run check test bench bench-quick lab teach docs format lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1	/' | expand -t 20

install: $(STAMP) ## install the locked packages into .venv; all others do so too

run: $(STAMP) ## run every lesson on the best data there is, then print where the report is
	@$(BIN)/mnistkit run

check: $(STAMP) ## the quick checks: format, types, and all tests that are not marked slow
	@$(BIN)/mnistkit test --quick $(JOBS)

test: $(STAMP) ## every check, offline and on stand-in data (a few need the real files: MNISTKIT_DATA)
	@$(BIN)/mnistkit test $(JOBS)

# What a measurement takes: BENCH="--to docs/measured/bench.json" keeps it.
bench: $(STAMP) ## compare mnistkit with the plain ways: about an hour, nothing else running
	@$(BIN)/python benchmarks/run.py compare $(BENCH)

bench-quick: $(STAMP) ## the same comparison at small sizes: a few minutes
	@$(BIN)/python benchmarks/run.py compare --quick $(BENCH)

lab: $(STAMP) ## open the lessons as a student gets them, in JupyterLab, in the folder work
	@$(BIN)/mnistkit lab

teach: $(STAMP) ## open the lessons with their solutions in JupyterLab
	@$(BIN)/mnistkit lab --teach

docs: $(STAMP) ## build the documentation's site into build/docs; RUN=runs/lab puts the lessons of that run on it
	@rm -rf build/docs
	@$(BIN)/python -m sphinx -W --keep-going -E -q -d build/doctrees -c docs -D course_run=$(RUN) . build/docs
	@echo "The site: build/docs/index.html"

format: $(STAMP) ## format the code, strip the notebooks and fold their check cells
	$(BIN)/python -m mnistkit.course.check_cells notebooks/*.ipynb
	$(BIN)/nbstripout --keep-id --drop-empty-cells --extra-keys "metadata.language_info" notebooks/*.ipynb
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# From 26 on, argon2-cffi-bindings has no wheel for Macs with an Intel processor. jsonschema 4.25 builds a grammar of
# IRIs whenever nbformat is imported, a second for each command and each worker (python-jsonschema/jsonschema#1428).
lock: $(STAMP) ## choose the newest versions again and write requirements.lock
	printf 'argon2-cffi-bindings<26\njsonschema<4.25\n' | $(BIN)/uv pip compile pyproject.toml --constraints - \
	  --all-extras --universal --python-version 3.11 --fork-strategy fewest --upgrade --generate-hashes \
	  --no-emit-index-url --no-header --annotation-style line --output-file requirements.lock

clean: ## remove the environment, builds and runs (never data)
	rm -rf $(VENV) build runs .mypy_cache .ruff_cache .pytest_cache .hypothesis

# install.py writes the stamp last, so an interrupted installation is done again.
$(STAMP): requirements.lock pyproject.toml install.py
	@$(PYTHON) install.py --for developer --venv $(VENV)
