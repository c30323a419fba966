"""The Python that runs Ship has one name on disk, whatever it was started as."""

from pathlib import Path

import pytest

from receiver.machine.interpreter import one_name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The programs of a virtualenv, as `python3 -m venv` makes them, and another Python."""
    programs = tmp_path / "venv" / "bin"
    programs.mkdir(parents=True)
    for system in ("system", "other"):
        (tmp_path / system).touch()
    (programs / "python3").symlink_to(tmp_path / "system")
    for name in ("python", "python3.11", "own"):
        (programs / name).symlink_to("python3")
    (programs / "python3.12").symlink_to(tmp_path / "other")
    return programs


@pytest.mark.parametrize("name", ["python", "python3", "python3.11", "own"])
def test_every_name_of_one_python_comes_to_the_plainest(folder: Path, name: str) -> None:
    assert one_name(folder / name, "3.11") == folder / "python"


def test_a_link_to_the_folder_comes_to_the_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert one_name(tmp_path / "link" / "python3", "3.11") == folder / "python"


def test_another_python_of_the_same_folder_keeps_its_name(folder: Path) -> None:
    assert one_name(folder / "python3.12", "3.12") == folder / "python3.12"


def test_one_without_a_plainer_name_keeps_its_own(folder: Path) -> None:
    (folder / "python3.12").rename(folder / "ships-own")
    assert one_name(folder / "ships-own", "3.12") == folder / "ships-own"
