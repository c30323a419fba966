"""What a machine lacks for a build from source is told all at once."""

from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from buildpacks.python.install_failures import explain
from receiver.building import toolchain
from receiver.model.build import Command, Interpreter
from receiver.model.errors import BuildError
from receiver.model.source_build import SourceBuildError
from receiver.server import Server

COMMAND = Command(("{uv}", "pip", "install", "-r", "requirements.txt"))
FAILED = "error: Failed to build `{}`\n  cause: The build backend returned an error\n  {}\n"


def machine(*installed: str, can_install: bool = True) -> Server:
    def missing(names: Collection[str]) -> tuple[str, ...]:
        return tuple(name for name in names if name not in installed)

    packages = SimpleNamespace(can_install=can_install, missing=missing)
    return cast("Server", SimpleNamespace(host=SimpleNamespace(system_packages=packages)))


def python(tmp_path: Path, *, headers: bool) -> Interpreter:
    """One of a folder of its own, as those that are fetched."""
    for folder in ("bin", "include/python3.11"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bin/python3.11").touch()
    if headers:
        (tmp_path / "include/python3.11/Python.h").touch()
    return Interpreter(str(tmp_path / "bin/python3.11"), "3.11.2")


def told(
    package: str,
    said: str,
    server: Server,
    interpreter: Interpreter,
    monkeypatch: pytest.MonkeyPatch,
    programs: tuple[str, ...] = (),
) -> BuildError:
    monkeypatch.setattr(toolchain, "_program", lambda name: name in programs)
    error = explain(COMMAND, FAILED.format(package, said))
    assert isinstance(error, SourceBuildError)
    toolchain.complete(server, error, interpreter)
    return error


def test_all_that_lacks_is_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = told(
        "psycopg2==2.9.13",
        "Error: pg_config executable not found.",
        machine(),
        python(tmp_path, headers=False),
        monkeypatch,
    )
    assert error.title == (
        "The package psycopg2==2.9.13 could not be built from its source."
        " Missing: pg_config, a C compiler and Python.h."
    )
    assert error.advice == (
        "Ask for psycopg2-binary instead of psycopg2, which needs no building. Or ask an "
        "administrator of the server to type `ship packages:add libpq-dev build-essential`, then "
        "push again."
    )


def test_what_is_there_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = told(
        "mysqlclient==2.3.2",
        "Exception: Can not find valid pkg-config name.",
        machine("libpq-dev"),
        python(tmp_path, headers=True),
        monkeypatch,
        programs=("cc", "pkg-config"),
    )
    assert error.title.endswith("Missing: mysql_config.")
    assert "`ship packages:add default-libmysqlclient-dev`" in error.advice


def test_uwsgi_has_no_wheel_and_needs_a_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without root, the line is one for the server's own shell."""
    error = told(
        "uwsgi==2.0.31",
        "Exception: you need a C compiler to build uWSGI",
        machine(can_install=False),
        python(tmp_path, headers=True),
        monkeypatch,
    )
    assert error.title.endswith("Missing: a C compiler.")
    assert "pyuwsgi instead of uwsgi" in error.advice
    assert "`sudo apt-get install build-essential`" in error.advice
    assert "wheel" not in error.advice


def test_where_nothing_lacks_the_packages_own_words_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = told(
        "odd==1",
        "NameError: name 'x' is not defined",
        machine(),
        python(tmp_path, headers=True),
        monkeypatch,
        programs=("cc",),
    )
    assert error.title == "The package odd==1 could not be built from its source."
    assert "Missing" not in error.title + error.advice


@pytest.mark.parametrize(("name", "package"), [("cairo", "libcairo2-dev"), ("odd-2", "")])
def test_what_meson_does_not_find_is_named(name: str, package: str) -> None:
    said = f'meson.build:31:12: ERROR: Dependency "{name}" not found (tried pkg-config and cmake)'
    error = explain(COMMAND, FAILED.format("pycairo==1.29", said))
    assert f"the library {name} is missing" in error.title
    assert (package or "development files") in error.advice


def test_the_headers_of_this_machines_python_have_a_package() -> None:
    found = toolchain.missing_headers(Interpreter("/usr/bin/python3.99", "3.99.1"))
    assert found is not None
    assert found.package == "python3.99-dev"
