"""Failures of uv that cannot be made to happen in a test machine, as uv writes them.

Those that can are provoked for real in tests/embedded/test_buildpacks.py.
"""

import pytest

from buildpacks.python.install_failures import explain
from receiver.model.build import Command

COMMAND = Command(("{uv}", "pip", "install", "-r", "requirements.txt", "gunicorn==27.0.1"))
HEADER = """error: Failed to build `{0}`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)

         [stderr]
         {1}
"""


@pytest.mark.parametrize(
    ("output", "reason", "title", "advice"),
    [
        (
            "error: failed to write: No space left on device (os error 28)",
            "disk-full",
            "no space left",
            "Make room",
        ),
        (
            "error: Failed to build `a==1`\n  OSError: [Errno 122] Disk quota exceeded",
            "disk-full",
            "space",
            "room",
        ),
        (
            "error: Failed to fetch: `https://i.example/simple/flask/`\n  cause: dns error",
            "network",
            "reached",
            "again",
        ),
        (
            "error: Request failed after 3 retries\n  cause: operation timed out",
            "network",
            "reached",
            "again",
        ),
        (
            (
                "  \u00d7 Failed to fetch: `https://i.example/`\n"
                "  cause: HTTP status client error (401 Unauthorized)"
            ),
            "index-refused",
            "refused",
            "password",
        ),
        (
            HEADER.format("psycopg2==2.9", "Error: pg_config executable not found."),
            "package-build-failed",
            "pg_config is missing",
            "psycopg2-binary",
        ),
        (
            HEADER.format("mysqlclient==2.2", "Exception: Can not find valid pkg-config name."),
            "package-build-failed",
            "mysql_config is missing",
            "default-libmysqlclient-dev",
        ),
        (
            HEADER.format("a==1", "a.c:1:10: fatal error: Python.h: No such file or directory"),
            "package-build-failed",
            "the header Python.h is missing",
            "python3-dev",
        ),
        (
            HEADER.format("a==1", "fatal error: odd.h: No such file or directory"),
            "package-build-failed",
            "odd.h",
            "development files",
        ),
        (
            HEADER.format("a==1", "/usr/bin/ld: cannot find -lodd"),
            "package-build-failed",
            "the library odd is missing",
            "development files",
        ),
        (
            HEADER.format(
                "a==1", "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory"
            ),
            "package-build-failed",
            "a C compiler is missing",
            "build-essential",
        ),
        (
            HEADER.format("a==1", "error: can't find Rust compiler"),
            "package-build-failed",
            "a Rust compiler",
            "cargo",
        ),
        (
            HEADER.format("a==1", "NameError: name 'x' is not defined"),
            "package-build-failed",
            "a==1 could not be built from its source.",
            "wheel for this Python",
        ),
        (
            HEADER.format("a==1", "/usr/bin/ld: cannot find -lpq: No such file or directory"),
            "package-build-failed",
            "the library pq is missing",
            "`apt-get install libpq-dev`",
        ),
        (
            HEADER.format("a==1", "a.c:1:10: fatal error: sqlite3.h: No such file or directory"),
            "package-build-failed",
            "sqlite3.h is missing",
            "administrator to install what is missing: `apt-get install libsqlite3-dev`",
        ),
        (
            HEADER.format(
                "cffi==1", "c/_cffi_backend.c:15:10: fatal error: ffi.h: No such file or directory"
            ),
            "package-build-failed",
            "ffi.h is missing",
            "libffi-dev",
        ),
        (
            HEADER.format(
                "cryptography==2",
                "build/temp/_openssl.c:575:10: fatal error: openssl/opensslv.h: No such "
                "file or directory",
            ),
            "package-build-failed",
            "openssl/opensslv.h is missing",
            "libssl-dev",
        ),
        (
            HEADER.format(
                "gdal==3.6.0",
                "gdal_config_error: [Errno 2] No such file or directory: 'gdal-config'",
            ),
            "package-build-failed",
            "gdal-config is missing",
            "libgdal-dev",
        ),
        (
            HEADER.format(
                "gdal==3.6.0", "AttributeError: 'dict' object has no attribute '__NUMPY_SETUP__'"
            ),
            "package-build-failed",
            "GDAL is missing",
            "libgdal-dev",
        ),
        (
            HEADER.format("scipy==1.5", "ERROR: Unknown compiler(s): [['gfortran'], ['flang']]"),
            "package-build-failed",
            "a Fortran compiler is missing",
            "gfortran",
        ),
        (
            HEADER.format(
                "numpy==1.21", "AttributeError: module 'pkgutil' has no attribute 'ImpImporter'"
            ),
            "package-build-failed",
            "older than Python 3.12",
            "wheel for this Python",
        ),
        (
            HEADER.format("old==1", "error in old setup command: use_2to3 is invalid."),
            "package-build-failed",
            "older than today's tools",
            "newer one",
        ),
        (
            "error: Distribution not found at: file:///C:/Users/ada/blog.whl",
            "requirements-local-path",
            "another computer",
            "pip list --format=freeze",
        ),
        (
            "error: Failed to parse: `uv.lock`\n  cause: TOML parse error",
            "project-file-invalid",
            "uv.lock",
            "Repair",
        ),
        (
            (
                "  \u00d7 No solution found when resolving dependencies:\n"
                "  \u2570\u2500\u25b6 Because a was not found in the package\n"
                "      registry and you require a"
            ),
            "package-not-found",
            "no package a ",
            "spelt",
        ),
        (
            (
                "error: No solution found\n  cause: Because pkg-resources was not found in the "
                "package registry"
            ),
            "package-not-found",
            "pkg-resources",
            "delete it",
        ),
        (
            (
                "error: No solution found\n  cause: you require packaging<20 and "
                "gunicorn==27.0.1 depends on packaging"
            ),
            "requirements-unresolvable",
            "contradict",
            "gunicorn==27.0.1 was added",
        ),
        ("thread 'main' panicked", "install-failed", "could not be installed", "uv pip install"),
        ("", "install-failed", "could not be installed", "uv pip install"),
    ],
)
def test_is_explained(output: str, reason: str, title: str, advice: str) -> None:
    error = explain(COMMAND, f"Using Python 3.11.2\n{output}")
    assert error.reason == f"build/{reason}"
    assert title in error.title
    assert advice in error.advice
    assert "Using Python" not in error.detail or reason == "install-failed"


def test_colours_and_passwords_are_left_out() -> None:
    error = explain(COMMAND, "\x1b[31merror\x1b[0m: Failed to fetch https://me:secret@i.example/a")
    assert error.detail == "error: Failed to fetch https://***@i.example/a"


def test_long_output_keeps_its_start_and_its_end() -> None:
    lines = [f"line {number}" for number in range(100)]
    detail = explain(COMMAND, "\n".join(["error: odd", *lines])).detail
    assert detail.startswith("error: odd\nline 0\n")
    assert "[81 lines left out]" in detail
    assert detail.endswith("line 99")


def test_gunicorn_is_not_blamed_when_it_has_no_part() -> None:
    error = explain(COMMAND, "error: No solution found\n  cause: a needs b, c needs no b")
    assert "gunicorn" not in error.advice
