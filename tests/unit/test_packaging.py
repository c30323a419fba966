"""What is installed: every file that the program reads, its version, its commands."""

import os
import re
import tomllib
from glob import glob
from importlib import import_module
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import receiver

PROJECT = Path(__file__).parents[2]
CONFIG = tomllib.loads((PROJECT / "pyproject.toml").read_text())
SETUP = CONFIG["tool"]["setuptools"]


def test_version_is_said_once_and_the_same() -> None:
    assert receiver.__version__ == CONFIG["project"]["version"]


@pytest.mark.parametrize("entry", CONFIG["project"]["scripts"].values())
def test_a_program_leads_to_a_function(entry: str) -> None:
    module, _, name = entry.partition(":")
    assert callable(getattr(import_module(module), name))


def test_the_sudo_rule_and_the_gate_name_programs_that_are_installed() -> None:
    named = set(
        re.findall(r"\$\{PREFIX\}/bin/(ship[a-z-]*)", (PROJECT / "installer.sh").read_text())
    )
    assert named <= set(CONFIG["project"]["scripts"])


def test_every_folder_of_modules_is_a_package() -> None:
    tops = [pattern.rstrip("*") for pattern in SETUP["packages"]["find"]["include"]]
    folders = {path.parent for top in tops for path in (PROJECT / top).rglob("*.py")}
    without = {folder.name for folder in folders if not (folder / "__init__.py").exists()}
    assert without == {"runtime"}  # it runs by itself, and is installed as data


@pytest.mark.parametrize("top", ["receiver", "hooks"])
def test_every_file_that_is_not_python_is_installed(top: str) -> None:
    installed = {
        PROJECT / top / found
        for pattern in SETUP["package-data"][top]
        for found in glob(pattern, root_dir=PROJECT / top, recursive=True)  # noqa: PTH207 - as setuptools does
    }
    data = {
        path
        for path in (PROJECT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
        if path.suffix != ".py" or path.parent.name == "runtime"
    }
    assert data <= installed


@pytest.mark.parametrize("hook", ["pre-receive", "post-receive"])
def test_hooks_can_be_run(hook: str) -> None:
    assert os.access(PROJECT / "hooks" / hook, os.X_OK)


def test_the_installer_copies_all_that_the_build_reads() -> None:
    copied = re.search(r'"\$\{HERE\}"/\{([^}]*)\}', (PROJECT / "installer.sh").read_text())
    assert copied
    project = CONFIG["project"]
    tops = {pattern.rstrip("*") for pattern in SETUP["packages"]["find"]["include"]}
    assert {"pyproject.toml", project["readme"], *project["license-files"], *tops} == set(
        copied[1].split(",")
    )


LOCKS = {
    "requirements.lock": (CONFIG["project"]["dependencies"], CONFIG["dependency-groups"]["build"]),
    "requirements-embedded.lock": (CONFIG["dependency-groups"]["embedded"],),
}


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_has_a_version_that_fits_with_hashes_for_each_dependency(name: str) -> None:
    text = (PROJECT / name).read_text()
    entry = re.compile(r"^([a-z0-9-]+)==(\S+)(?: ;[^\\]*)? \\\n((?: +--hash=.*\n)+)", re.MULTILINE)
    entries = entry.findall(text)
    locked = {package: version for package, version, _ in entries}
    assert len(entries) == text.count("==")
    assert all("--hash=sha256:" in hashes for *_, hashes in entries)
    for wanted in (Requirement(line) for group in LOCKS[name] for line in group):
        assert locked[wanted.name] in wanted.specifier, "type `make lock UPGRADE=--upgrade`"
    assert "://" not in text


def test_what_an_embedded_server_needs_alone_is_not_on_a_vps() -> None:
    assert "supervisor" not in (PROJECT / "requirements.lock").read_text()
