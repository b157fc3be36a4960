# The tasks of the project. `make` lists them.
PYTHON := .venv/bin/python

.PHONY: help setup run test quick lint format docs descriptors lock ci

help:  ## list the tasks
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup:  ## make .venv with the tools that tests and checks need
	python3 cli.py setup --dev

run: setup  ## assess all districts into out/first
	.venv/bin/threatkit assess --out out/first

test: setup  ## all tests
	$(PYTHON) -m pytest

quick: setup  ## the tests that fit no model and open no browser
	$(PYTHON) -m pytest -m "not integration and not browser"

lint: setup  ## ruff, mypy, codespell
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/codespell

format: setup  ## format and mend what can be mended
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

docs: setup  ## make the pages that are made from the code
	$(PYTHON) -m threatkit.derive.cli_docs
	$(PYTHON) -m threatkit.derive.reference
	$(PYTHON) -m threatkit.derive.architecture

descriptors: setup  ## write sizes and hashes of the data files into their descriptors
	$(PYTHON) -m threatkit.derive.descriptors

lock: setup  ## resolve the dependencies again, for every platform, with hashes
	$(PYTHON) -m threatkit.derive.locks

ci:  ## everything that the integration checks
	.ci/run
