"""Versions of ship beside each other: which name lasts, how one is switched to, which may go."""

import subprocess
import sys
from pathlib import Path

import pytest

from receiver.machine.interpreter import lasting
from receiver.setup.versions import Versions


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    units = tmp_path / "units"
    units.mkdir()
    (tmp_path / "versions").mkdir()
    return Versions(tmp_path / "ship", tmp_path / "versions", units)


def a_tree(folder: Path, says: str = "") -> Path:
    (folder / "bin").mkdir(parents=True)
    for name in ("ship", "ship-gate", "ship-deploy"):
        (folder / "bin" / name).write_text(f"#!{folder}/bin/python\n{says}")
    (folder / "bin" / "python").symlink_to(sys.executable)
    return folder


def test_a_version_is_switched_to_and_back(versions: Versions) -> None:
    one, two = a_tree(versions.home / "one"), a_tree(versions.home / "two")
    for tree in (one, two, one):
        versions.switch(tree)
        assert versions.link.resolve() == tree
    assert sorted(path.name for path in versions.home.iterdir()) == ["one", "pythons", "two"]


def test_a_folder_in_the_links_place_becomes_a_version(versions: Versions) -> None:
    old = a_tree(versions.link, "old")
    (old / "pythons" / "cpython-3.12").mkdir(parents=True)
    new = a_tree(versions.home / "new", "new")
    (new / "pythons").symlink_to("../pythons")
    versions.switch(new)
    assert versions.link.resolve() == new
    assert (versions.link / "pythons" / "cpython-3.12").is_dir()
    kept = next(versions.home.glob("before-versions.*"))
    assert (kept / "pythons" / "cpython-3.12").is_dir()
    # what began while the old one was waited for was of the new one already
    assert (kept / "bin" / "ship").read_text().startswith(f"#!{new}/bin/python\n")
    assert versions.prune() == [kept]
    assert (versions.link / "pythons" / "cpython-3.12").is_dir()


def test_an_installer_that_was_ended_half_way_is_gone_on_from(versions: Versions) -> None:
    a_tree(versions.link, "old")
    (versions.link / "pythons" / "cpython-3.12").mkdir(parents=True)
    versions.pythons.symlink_to(versions.pythons)
    (versions.home / ".ship.new").symlink_to("/nowhere")
    new = a_tree(versions.home / "new", "new")
    versions.switch(new)
    assert versions.link.resolve() == new
    assert (versions.pythons / "cpython-3.12").is_dir()


def test_what_runs_from_a_version_keeps_it(versions: Versions) -> None:
    old, new = a_tree(versions.home / "old"), a_tree(versions.home / "new")
    versions.switch(old)
    script = versions.link / "bin" / "ship"
    script.write_text(f"#!{old}/bin/python\nprint('up', flush=True)\ninput()\n")
    script.chmod(0o755)
    running = subprocess.Popen((script,), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert running.stdin
    assert running.stdout
    assert running.stdout.readline() == b"up\n"
    versions.switch(new)
    assert versions.prune() == []
    running.communicate(b"\n", timeout=30)
    assert versions.prune() == [old]
    assert versions.link.resolve() == new


def test_a_unit_that_names_a_version_keeps_it(versions: Versions) -> None:
    old, new = a_tree(versions.home / "old"), a_tree(versions.home / "new")
    versions.switch(new)
    unit = versions.units / "ship-blog.web@.service"
    unit.write_text(f"ExecStart=/usr/bin/python3 {old}/lib/launch.py\n")
    assert versions.prune() == []
    unit.write_text(f"ExecStart=/usr/bin/python3 {versions.link}/lib/launch.py\n")
    assert versions.prune() == [old]


def test_the_first_version_waits_for_what_runs_in_its_place(versions: Versions) -> None:
    script = a_tree(versions.link, "print('up', flush=True)\ninput()\n") / "bin" / "ship"
    script.chmod(0o755)
    running = subprocess.Popen((script, "ps"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert running.stdout
    assert running.stdout.readline() == b"up\n"
    looked: list[int | None] = []

    def look(_: float) -> None:
        looked.append(running.poll())
        if len(looked) == 2:
            running.communicate(b"\n", timeout=30)

    waiting = Versions(versions.link, versions.home, versions.units, look)
    waiting.switch(a_tree(versions.home / "new"))
    assert running.poll() == 0
    assert looked[:2] == [None, None]


@pytest.mark.parametrize(
    ("path", "is_link", "name"),
    [
        ("versions/1/bin/ship", True, "ship/bin/ship"),
        ("versions/1/lib/python3.11/x.py", True, "ship/lib/python3.11/x.py"),
        ("versions/1/bin/ship", False, "ship/bin/ship"),
        ("versions/1/lib/python3.11/x.py", False, "versions/1/lib/python3.11/x.py"),
        ("else/bin/ship", True, "else/bin/ship"),
    ],
)
def test_what_is_written_down_names_the_link(
    path: str, is_link: bool, name: str, tmp_path: Path
) -> None:
    link, home = tmp_path / "ship", tmp_path / "versions"
    if is_link:
        link.symlink_to(home / "2")
    assert lasting(tmp_path / path, link, home) == tmp_path / name
