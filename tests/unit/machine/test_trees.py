"""Trees of any depth: removed, looked through and given away, without a path that is too long."""

import fcntl
import os
from pathlib import Path

import pytest

from receiver.machine import files, trees

DEEP = 3000


def nest(top: Path, depth: int) -> None:
    """Folders in folders, with a file in the last; no path of them is ever written down."""
    here = os.open(top, trees.FOLDER)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", trees.FOLDER, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("last", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_tree_goes_however_deep_it_is(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    nest(tree, DEEP)
    (tree / "beside").touch()
    files.remove_tree(tree)
    assert list(tmp_path.iterdir()) == []


def test_folders_that_are_named_like_the_numbers_of_the_removal(tmp_path):
    for name in ("1/2/3", "2/1", "0/0/0/0"):
        (tmp_path / "tree" / name).mkdir(parents=True)
    (tmp_path / "tree/1/2/3/file").touch()
    files.remove_tree(tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_removed_and_never_followed(tmp_path):
    kept = tmp_path / "kept"
    (kept / "inside").mkdir(parents=True)
    tree = tmp_path / "tree"
    (tree / "a").mkdir(parents=True)
    (tree / "a/link").symlink_to(kept)
    (tree / "link").symlink_to(kept / "inside")
    files.remove_tree(tree)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (kept / "inside").is_dir()


def test_a_walk_comes_to_the_end_of_a_deep_tree_with_two_descriptors_open(tmp_path):
    nest(tmp_path, DEEP)
    top = os.open(tmp_path, trees.FOLDER)
    most, found, before = 0, [], descriptors()
    for folder in trees.walk(top):
        most = max(most, descriptors() - before)
        found += folder.files
    os.close(top)
    files.remove_tree(tmp_path / "d")  # pytest itself could not
    assert (found, most <= 2) == (["last"], True)


def test_a_walk_sees_what_is_beside_and_passes_over_what_is_taken_out(tmp_path):
    for name in ("a/b", "a/c", "d/e"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "a/link").symlink_to(tmp_path / "d")
    top, seen = os.open(tmp_path, trees.FOLDER), []
    for folder in trees.walk(top):
        seen.append(folder.path)
        if "e" in folder.folders:
            folder.folders.remove("e")
    os.close(top)
    assert sorted(seen) == ["", "a", "a/b", "a/c", "d"]


def test_a_folder_that_is_moved_away_does_not_lead_the_walk_with_it(tmp_path):
    (tmp_path / "tree/a/b").mkdir(parents=True)
    (tmp_path / "other/secret").mkdir(parents=True)
    top, seen = os.open(tmp_path / "tree", trees.FOLDER), []

    def go() -> None:
        for folder in trees.walk(top):
            seen.append(folder.path)
            if folder.path == "a/b":
                (tmp_path / "tree/a/b").rename(tmp_path / "other/b")

    with pytest.raises(OSError, match="was moved"):
        go()
    os.close(top)
    assert seen == ["", "a", "a/b"]


def test_a_deep_tree_is_given_away(tmp_path):
    nest(tmp_path, DEEP)
    files.give_tree(tmp_path, uid=os.getuid(), gid=os.getgid())
    files.remove_tree(tmp_path / "d")


def test_what_a_living_process_is_writing_is_no_leftover(tmp_path):
    fd = files.open_held(tmp_path / ".config.json.x1")
    folder, lock = files.locked_folder(tmp_path, ".tree.gone.")
    (tmp_path / f".link.{os.getpid()}").symlink_to("nowhere")
    for name in (".live.json.y2", ".live.json.y3"):
        (tmp_path / name).touch()
    (tmp_path / ".venv.gone.z1").mkdir()
    nest(tmp_path / ".venv.gone.z1", DEEP)
    (tmp_path / ".link.999999999").symlink_to("nowhere")
    (tmp_path / ".lock").touch()
    assert len(files.abandoned(tmp_path, {".lock"})) == 4
    files.clear_abandoned(tmp_path, {".lock"})
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {".config.json.x1", folder.name, f".link.{os.getpid()}", ".lock"}
    os.close(fd)
    os.close(lock)
    files.clear_abandoned(tmp_path, {".lock"})
    assert {path.name for path in tmp_path.iterdir()} == {f".link.{os.getpid()}", ".lock"}


def test_a_file_that_is_swept_before_it_was_locked_is_begun_again(tmp_path, monkeypatch):
    made: list[Path] = []
    real = fcntl.flock

    def swept_once(fd, how):
        (name,) = tmp_path.iterdir()
        if not made:
            name.unlink()
        made.append(name)
        real(fd, how)

    monkeypatch.setattr(fcntl, "flock", swept_once)
    files.write_atomically(tmp_path / "live.json", "{}", mode=0o644)
    assert (len(set(made)), (tmp_path / "live.json").read_text()) == (2, "{}")
    assert [path.name for path in tmp_path.iterdir()] == ["live.json"]
