# One command a developer needs: `make check`. It is what CI runs first.
PYTHON ?= .venv/bin/python
BIN := $(dir $(PYTHON))
SHELL_FILES := installer.sh hooks/pre-receive hooks/post-receive tests/run .ci/run \
	receiver/templates/completion/ship.bash

.PHONY: check fix test test-all
check:
	$(BIN)ruff format --check -q .
	$(BIN)ruff check -q .
	$(BIN)mypy
	$(BIN)shellcheck $(SHELL_FILES)
	$(BIN)shfmt -d -i 2 -ci $(SHELL_FILES)
	$(BIN)pytest -q tests/unit

fix:
	$(BIN)ruff format -q .
	$(BIN)ruff check -q --fix .
	$(BIN)shfmt -w -i 2 -ci $(SHELL_FILES)

test: check
	$(BIN)pytest -q tests/embedded

test-all: test
	$(BIN)pytest -q tests/vps
