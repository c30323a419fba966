"""What a few kilobytes of objects would become is counted before a hook or a deploy sees it."""

import hashlib
import time
import zlib
from pathlib import Path

import pytest

from receiver.deploy.tree.spool import spool
from receiver.machine import git
from receiver.model.errors import BuildError
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.weight import TreeLimits
from tests.embedded.receive_sides import ABSENT, Outcome, Scratch, commands, outcome

pytestmark = pytest.mark.embedded

FILE, LINK, FOLDER, SUBMODULE = b"100644", b"120000", b"40000", b"160000"
MAIN = "refs/heads/main"
MIB = 1 << 20


def pushed(repo: Path, scratch: Scratch, tree: str, **environment: str) -> Outcome:
    commit = scratch.commit(tree)
    objects = scratch.git("rev-list", "--objects", "--no-object-names", commit).split()
    stream = commands((ABSENT, commit, MAIN)) + scratch.pack(*objects)
    assert len(stream) < MIB
    return outcome("ship", repo, stream, **environment)


def refused(found: Outcome, reason: str, seen: str) -> None:
    assert found.verdicts == (f"ng {MAIN} build failed",)
    told = " ".join(found.told.split())
    assert f"(build/{reason})" in told
    assert seen in told
    assert found.refs == ()
    assert not found.leftovers


def nested(scratch: Scratch, below: str, *, times: int, levels: int) -> str:
    for _ in range(levels):
        names = (f"f{number:04}".encode() for number in range(times))
        below = scratch.tree(*((FOLDER, name, below) for name in names))
    return below


def test_a_million_paths_of_a_few_trees(repo: Path, scratch: Scratch) -> None:
    blob = scratch.store("blob", b"x" * 1000)
    leaf = scratch.tree(*((FILE, f"{n:04}".encode(), blob) for n in range(100)))
    tree = nested(scratch, leaf, times=10, levels=4)
    refused(pushed(repo, scratch, tree), "too-many-files", "It has 1,011,110 files and folders;")


def test_more_folders_than_atoms_and_no_file_at_all(repo: Path, scratch: Scratch) -> None:
    begun = time.monotonic()
    tree = nested(scratch, scratch.tree(), times=100, levels=50)
    refused(pushed(repo, scratch, tree), "too-many-files", "more than 1,000,000,000,000 files")
    assert time.monotonic() - begun < 30


def test_one_folder_with_too_many_names(repo: Path, scratch: Scratch) -> None:
    blob = scratch.store("blob", b"")
    tree = scratch.tree(*((FILE, f"{n:05}".encode(), blob) for n in range(5000)))
    found = pushed(repo, scratch, tree, SHIP_TEST_MAX_FILES="4999")
    refused(found, "too-many-files", "It has more than 4,999 files and folders;")


def test_files_that_are_large_only_together(repo: Path, scratch: Scratch) -> None:
    blob = scratch.store("blob", bytes(MIB))
    leaf = scratch.tree(*((FILE, f"{n}".encode(), blob) for n in range(8)))
    tree = nested(scratch, leaf, times=10, levels=2)
    refused(
        pushed(repo, scratch, tree, SHIP_TEST_MAX_TREE_BYTES=str(800 * MIB - 1)),
        "tree-too-large",
        "take 800 MiB unpacked; the limit is 800 MiB.",
    )
    found = pushed(repo, scratch, tree, SHIP_TEST_MAX_TREE_BYTES=str(800 * MIB))
    assert found.verdicts == (f"ok {MAIN}",)


def test_a_thousand_folders_in_each_other(repo: Path, scratch: Scratch) -> None:
    tree = scratch.tree((FILE, b"a", scratch.store("blob", b"")))
    for _ in range(1100):
        tree = loose_tree(scratch, b"40000 d\0" + bytes.fromhex(tree))
    refused(pushed(repo, scratch, tree), "path-too-long", "2,201 bytes; the limit is 1,024.")


def loose_tree(scratch: Scratch, content: bytes) -> str:
    """Store a tree as `Scratch.tree` does, without a process for each."""
    data = b"tree %d\0" % len(content) + content
    name = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    path = scratch.path / ".git" / "objects" / name[:2] / name[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(data))
    return name


@pytest.mark.parametrize(
    ("mode", "name", "content", "seen"),
    [
        (FILE, b"n" * 256, b"", "A name in it has 256 bytes; the limit is 255."),
        (LINK, b"link", b"t" * 5000, "The target of a symbolic link has 5,000 bytes;"),
    ],
)
def test_what_no_file_system_takes(
    mode: bytes, name: bytes, content: bytes, seen: str, repo: Path, scratch: Scratch
) -> None:
    tree = scratch.tree((mode, name, scratch.store("blob", content)))
    refused(pushed(repo, scratch, tree), "path-too-long", seen)


def test_submodules_are_named_with_their_paths(repo: Path, scratch: Scratch) -> None:
    modules = scratch.tree(*((SUBMODULE, f"m{n:02}".encode(), "1" * 40) for n in range(30)))
    tree = nested(scratch, modules, times=2, levels=3)
    found = pushed(repo, scratch, tree)
    refused(found, "submodules", "f0001/f0001/f0001/m00")
    assert found.told.count("/m0") <= 10


def test_an_ordinary_tree_passes(repo: Path, scratch: Scratch) -> None:
    blob = scratch.store("blob", b"print(1)\n")
    below = scratch.tree((FILE, b"app.py", blob), (LINK, b"link", blob))
    tree = scratch.tree(
        (FILE, b"a.py", blob), (FOLDER, b"empty", scratch.tree()), (FOLDER, b"src", below)
    )
    found = pushed(repo, scratch, tree, SHIP_TEST_MAX_FILES="6", SHIP_TEST_MAX_TREE_BYTES="27")
    assert found.verdicts == (f"ok {MAIN}",), found.told


class TestSpool:
    """Attributes of a tree can make much of few bytes; only the tar file shows it."""

    LIMITS = TreeLimits(entries=10, size_bytes=4 * MIB)

    @pytest.fixture
    def tar(self, scratch: Scratch) -> str:
        blob = scratch.store("blob", b"$Format:%B$\n" * 1000)
        attributes = scratch.store("blob", b"* export-subst\n")
        tree = scratch.tree((FILE, b".gitattributes", attributes), (FILE, b"a.txt", blob))
        return scratch.commit(tree, message="long " * 20_000)

    def test_ends_where_no_such_commit_can(
        self, tar: str, scratch: Scratch, tmp_path: Path
    ) -> None:
        paths = Layout.at(tmp_path).app(AppName("blog"))
        paths.incoming.mkdir(parents=True)
        with git.archive(scratch.path / ".git", tar) as source, pytest.raises(BuildError) as told:
            spool(paths, source, self.LIMITS)
        assert told.value.reason == "build/tree-too-large"
        assert list(paths.incoming.iterdir()) == []
