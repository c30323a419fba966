# One command a developer needs: `make check`. It is what CI runs first.
PYTHON ?= .venv/bin/python
BIN := $(dir $(PYTHON))
SHELL_FILES := installer.sh hooks/pre-receive hooks/post-receive hooks/guard tests/run .ci/run \
	receiver/templates/completion/ship.bash

.PHONY: check lint format style types shell unit fix lock test test-all
check: lint unit

lint: format style types shell

format:
	$(BIN)ruff format --check -q .

style:
	$(BIN)ruff check -q .

types:
	$(BIN)mypy

shell:
	$(BIN)shellcheck $(SHELL_FILES)
	$(BIN)shfmt -d -i 2 -ci $(SHELL_FILES)

unit:
	$(BIN)pytest -q tests/unit

fix:
	$(BIN)ruff format -q .
	$(BIN)ruff check -q --fix .
	$(BIN)shfmt -w -i 2 -ci $(SHELL_FILES)

# The versions and hashes of all that an installation consists of, for Python 3.11 and newer.
LOCK := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make lock" $(UPGRADE)
lock:
	$(BIN)$(LOCK) --group build pyproject.toml -o requirements.lock
	$(BIN)$(LOCK) --group embedded --no-deps -o requirements-embedded.lock
	$(BIN)$(LOCK) --group certbot -o requirements-certbot.lock

test: check
	$(BIN)pytest -q -n 4 --dist loadfile --no-loadscope-reorder tests/embedded

test-all: test
	$(BIN)pytest -q -n 3 --dist loadfile --no-loadscope-reorder tests/vps
