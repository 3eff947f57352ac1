# Two commands do all the set-up: `make demo` (run-time packages only) and `make test` (everything).

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
  $(name) -c 'import sys; print(sys.executable) if sys.version_info >= (3, 11) else None' 2>/dev/null)))
BIN := .venv/bin

.PHONY: help demo test check lengths format env env-run milvus clean

help:
	@echo "make demo    draw a sample library, index it, serve it"
	@echo "make test    all checks and all tests"
	@echo "make check   lint, types, format and lengths"
	@echo "make lengths functions and files that are too long"
	@echo "make format  mend what the formatter can mend"
	@echo "make milvus  start a Milvus on port 19530 until Ctrl-C; FOLDER=... keeps its data there"

demo: env-run
	$(BIN)/semblance demo --folder demo

# Three, wherever there are two cores: tests wait for servers, processes and signals a fifth of their time.
test: check
	$(BIN)/python -m pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder

check: env lengths
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

milvus: env
	$(BIN)/python -m semblance.scripts.benchmarks.stores.milvus_server $(FOLDER)

lengths: env
	$(BIN)/python -m tests.test_lengths

format: env
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

env-run: .venv/run.done
env: .venv/dev.done .venv/milvus.done

.venv/run.done: pyproject.toml | .venv/bin/pip
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/dev.done: pyproject.toml | .venv/bin/pip
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[dev]'
	@touch $@ .venv/run.done

# Milvus itself, an old one in an environment of its own: it asks for a setuptools that nothing else here should have.
.venv/milvus.done: | .venv/bin/pip
	$(BIN)/python -m venv .venv/milvus
	.venv/milvus/bin/python -m pip install --quiet --no-compile 'milvus>=2.3.5,<2.4' 'setuptools<80'
	@touch $@

.venv/bin/pip:
	@test -n "$(PYTHON)" || { echo "Semblance needs Python 3.11 or later: install it, or name it with make PYTHON=/path/to/python3."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) comes without venv: install it first (on Debian and Ubuntu: apt install python3-venv)."; exit 1; }
	$(PYTHON) -m venv .venv

clean:
	rm -rf .venv build dist demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
