# Everything runs from .venv, which `scripts/setup` makes and keeps in step with requirements/*.txt.
.DEFAULT_GOAL := help
.PHONY: help run test packages lint types unit fuzz format docs bench lock setup clean
# The steps of `make test` in their order, also under `make -j`.
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

python := .venv/bin/python
# Say what is done, and by name what failed.
step = @printf '\n== %s\n' '$(1)'; $(2) || { printf '\nFAILED: %s\n' '$(1)' >&2; exit 1; }

help:  ## This list
	@echo 'Antiphon: make <target>'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1	\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12

run:  ## Serve; HOST= PORT= CONFIG= and ARGS="--log-level debug" are passed on
	@scripts/setup run
	@exec $(python) -m antiphon serve $(if $(HOST),--host '$(HOST)') $(if $(PORT),--port '$(PORT)') \
		$(if $(CONFIG),--config '$(CONFIG)') $(ARGS)

test: lint types packages unit  ## Everything that must pass before a change goes in

lint: setup  ## Lock files, formatting and lint
	$(call step,lock files match pyproject.toml,$(python) scripts/check_lock.py)
	$(call step,formatting (mend with: make format),$(python) -m ruff format --check --quiet .)
	$(call step,lint,$(python) -m ruff check --quiet .)
	$(call step,JavaScript: formatting and lint (mend with: make format),$(python) -m tests.web.checks lint)

types: setup  ## Strict type checks
	$(call step,types,$(python) -m mypy)
	$(call step,JavaScript: types,$(python) -m tests.web.checks types)

unit: setup  ## The tests alone; ARGS="tests/test_cli.py -x" are passed on
	$(call step,tests,$(python) -m pytest -n 2 --dist loadgroup $(ARGS))

fuzz: setup  ## Fuzz for FUZZ_SECONDS (300); `pip install atheris` into .venv adds fuzzing by coverage
	$(call step,fuzzing,$(python) -m tests.fuzz)

format: setup  ## Format, and mend what lint can mend
	$(call step,format,$(python) -m ruff format .)
	$(call step,lint,$(python) -m ruff check --fix .)
	$(call step,JavaScript,$(python) -m tests.web.checks format)

docs: setup  ## Write the generated pages of docs/ anew
	$(call step,docs/settings.md,$(python) -m antiphon.config --markdown > docs/settings.md.new && mv docs/settings.md.new docs/settings.md)
	$(call step,docs/clients.md,$(python) -m tests.clients.table > docs/clients.md.new && mv docs/clients.md.new docs/clients.md)
	$(call step,docs/resilience.md,$(python) -m tests.resilience.table > docs/resilience.md.new && mv docs/resilience.md.new docs/resilience.md)
	$(call step,docs/conformance.md,$(python) scripts/conformance.py > docs/conformance.md.new && mv docs/conformance.md.new docs/conformance.md)

bench: setup  ## Run the benchmarks
	$(call step,benchmarks,$(python) -m benchmarks $(ARGS))

lock: setup  ## Resolve pyproject.toml into requirements/*.txt; UPGRADE=1 takes newer versions
	$(call step,installing uv,$(python) -m pip install --quiet 'uv<1')
	$(call step,resolving,UV=.venv/bin/uv scripts/lock)

setup:  ## Make .venv ready for development
	@scripts/setup dev

packages:  ## Install the programs that tests drive: browsers; as root, else say what is missing
	@scripts/system_packages

clean:  ## Remove .venv, caches and built files
	rm -rf .venv .cache node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
