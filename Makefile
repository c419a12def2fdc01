# Two commands for a newcomer: `make demo` and `make test`. Both set up .venv themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: help demo test full checks audit licences dist sbom lint format typecheck lock parity bench bench-check bench-peers docs golden clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1\t/' | expand -t 12

# The package and what it needs to run, from the lock: nothing here asks for a version that is not pinned.
$(VENV)/runtime.stamp: requirements/runtime.txt requirements/build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lookalike needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || { echo "creating $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@echo "installing the locked packages into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt requirements/vocabulary.txt $(VENV)/runtime.stamp
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(PIP) install --require-hashes --no-deps --target $(VENV)/vocabulary --upgrade -r requirements/vocabulary.txt
	@touch $@

$(VENV)/full.stamp: requirements/full.txt $(VENV)/dev.stamp
	@echo "installing what the tests of the heavy extras need ..."
	@$(PIP) install --require-hashes -r requirements/full.txt
	@touch $@

# The linters of what is not Python have an environment of their own: they want other versions than the service.
$(VENV)/checks.stamp: deploy/requirements/checks.txt $(VENV)/dev.stamp
	@echo "installing the tools of make checks ..."
	@test -x $(VENV)/checks/bin/python || $(PYTHON) -m venv $(VENV)/checks
	@$(VENV)/checks/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes -r deploy/requirements/checks.txt
	@touch $@

demo: $(VENV)/runtime.stamp  ## see it work
	@$(BIN)/lookalike demo

test: lint typecheck  ## everything that CI checks
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

full: $(VENV)/full.stamp  ## install NNCF and the rest that some tests need; without it `make test` skips those

checks: $(VENV)/checks.stamp  ## what is not Python: image, compose, Kubernetes, workflows, alerts; and the image's steps, replayed
	@deploy/check.sh $(VENV)

audit: $(VENV)/checks.stamp  ## known vulnerabilities of what the images contain (asks PyPI)
	@for lock in requirements/runtime.txt deploy/requirements/cuda.txt; do \
	  echo "$$lock"; $(VENV)/checks/bin/pip-audit --strict --disable-pip --require-hashes --requirement $$lock || exit 1; done

licences: $(VENV)/checks.stamp  ## the licences of what the image contains; fails at one that is not known to be fine
	@$(BIN)/python deploy/licences.py $(VENV)/checks/bin/pip-licenses

dist: $(VENV)/dev.stamp  ## the package for PyPI: wheel and source
	@mkdir -p dist && $(BIN)/python -c 'import os; from hatchling import build; os.chdir("."); print(build.build_sdist("dist")); print(build.build_wheel("dist"))'

sbom: $(VENV)/checks.stamp  ## what the image's environment is made of, as CycloneDX (asks PyPI)
	@mkdir -p dist && $(VENV)/checks/bin/pip-audit --disable-pip --require-hashes --requirement requirements/runtime.txt \
	  --format cyclonedx-json --output dist/sbom.cdx.json || test -s dist/sbom.cdx.json

lint: $(VENV)/dev.stamp  ## style
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .

format: $(VENV)/dev.stamp  ## rewrite in the project's style
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

typecheck: $(VENV)/dev.stamp  ## strict types over src/
	@$(BIN)/mypy

# The figures stay here, so that one part can be measured again and the page written from all.
FIGURES := .bench/figures

bench: $(VENV)/dev.stamp  ## the benchmarks that need nothing but this project (40 minutes), then docs/benchmarks.md
	@mkdir -p $(FIGURES)
	@for part in encoder budget growth service catalog ingest; do \
	  echo "benchmarks.$$part ..."; $(BIN)/python -m benchmarks.$$part --json $(FIGURES)/$$part.json || exit 1; done
	@$(BIN)/python -m benchmarks.report --from $(FIGURES)

bench-peers: $(VENV)/dev.stamp  ## beside what a user would pick instead (40 minutes, several GB of peers), then the page
	@mkdir -p $(FIGURES)
	@$(BIN)/python -m benchmarks.peers --json $(FIGURES)/peers.json
	@$(BIN)/python -m benchmarks.report --from $(FIGURES)

bench-check: $(VENV)/dev.stamp  ## whether a request costs more than it did, in figures that no neighbour disturbs; RENEW=1
	@$(BIN)/python -m benchmarks.regression $(if $(RENEW),--renew)

$(VENV)/docs.stamp: requirements/docs.txt $(VENV)/runtime.stamp
	@test -x $(VENV)/docs/bin/python || $(PYTHON) -m venv $(VENV)/docs
	@$(VENV)/docs/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes -r requirements/docs.txt
	@touch $@

docs: $(VENV)/docs.stamp  ## the site, into build/site; strict: a link to what isn't there fails
	@NO_MKDOCS_2_WARNING=1 $(VENV)/docs/bin/mkdocs build --strict --quiet

parity: $(VENV)/dev.stamp  ## full-size models against the reference implementations (needs PyTorch, several GB)
	@tests/golden/reference_env.sh
	@.venv-reference/bin/python -m tests.golden.parity

golden: $(VENV)/dev.stamp  ## make the golden files again (needs PyTorch, several GB)
	@tests/golden/reference_env.sh
	@for part in models images text; do .venv-reference/bin/python -m tests.golden.make_$$part; done

lock: $(VENV)/dev.stamp  ## resolve the dependencies again (needs uv)
	@requirements/lock.sh

clean:  ## remove what the commands above made
	rm -rf $(VENV) .venv-reference .venv-peers .pytest_cache .mypy_cache .ruff_cache
