"""What tests need of this computer: skipped without it on a laptop, failed without it in CI."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

PLACES_OF_ROOT = ("/usr/local/sbin", "/usr/sbin", "/sbin")  # not on everybody's PATH


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def missing(what: str) -> NoReturn:
    """Skip the test, with its reason; in CI fail, so that it never goes green by skipping."""
    if in_ci():
        pytest.fail(f"{what} (CI may not skip)", pytrace=False)
    pytest.skip(what)


def require_program(name: str) -> Path:
    """Where the program is; a test that needs it does not run without it."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *PLACES_OF_ROOT))
    if found := shutil.which(name, path=path):
        return Path(found)
    missing(f"the program {name} is not installed")


def require_root() -> None:
    if os.geteuid() != 0:
        missing("only root can do this")
