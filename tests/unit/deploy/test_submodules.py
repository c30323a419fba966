"""Submodules of a push: fetched in the app's sandbox, merged into what was pushed, or refused."""

import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from receiver.changes.app_state import AppState
from receiver.deploy.stages import submodules
from receiver.deploy.stages.requests import Push
from receiver.deploy.tree.opening import opened
from receiver.hosts.jobs import Job
from receiver.model.errors import BuildError
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.settings import Server as Settings
from receiver.model.submodules import Submodule
from receiver.model.weight import TreeLimits
from tests.unit.trees import LinkTo, archive

BLOG, LIMITS = AppName("blog"), TreeLimits(100, 100_000)
MODULE = Submodule("vendor/lib", "1" * 40)
NAMED = '[submodule "lib"]\n\tpath = vendor/lib\n\turl = {}\n'


class Jobs:
    """Runs nothing: prints, and ends."""

    def __init__(self, prints: bytes, status: int) -> None:
        self.prints, self.status = prints, status
        self.asked: list[Job] = []

    def run(self, job: Job, on_output: Callable[[bytes], object]) -> int:
        self.asked.append(job)
        on_output(self.prints)
        return self.status


def brought(
    tmp_path: Path, url: str, prints: bytes, status: int = 0, limits: TreeLimits = LIMITS
) -> tuple[Mapping[str, bytes], str, Jobs]:
    layout = Layout.embedded(tmp_path)
    jobs, said, pushed = Jobs(prints, status), bytearray(), tmp_path / "1.tar"
    files = {"app.py": "x", "vendor/": "", "vendor/lib/": ""}
    pushed.write_bytes(archive({**files, **({".gitmodules": NAMED.format(url)} if url else {})}))
    accounts = SimpleNamespace(separate=True)
    server = SimpleNamespace(
        settings=Settings(domain="x.test"),
        layout=layout,
        host=SimpleNamespace(accounts=accounts),
        engine=SimpleNamespace(jobs=jobs),
    )
    app = SimpleNamespace(server=server, paths=layout.app(BLOG), hosts=("blog.x.test",))
    push = Push(app=BLOG, archive=pushed, commit="c" * 40, by="me", number=1, submodules=(MODULE,))
    submodules.bring(cast("AppState", app), push, limits, Output(said.extend))
    assert [path.name for path in tmp_path.glob("*.tar")] == ["1.tar"]
    with opened(pushed, limits, Output(len)) as tree:
        return {n: tree.read(n) for n in tree.members if tree.has(n)}, said.decode(), jobs


def test_its_files_are_in_the_release(tmp_path: Path) -> None:
    lib = archive({"./": "", "./lib.py": "y", "./sub/": "", "./sub/a.txt": "z"})
    files, said, jobs = brought(tmp_path, "git@git.example:o/lib.git", lib)
    assert files["vendor/lib/lib.py"] == b"y"
    assert files["vendor/lib/sub/a.txt"] == b"z"
    assert files["app.py"] == b"x"
    assert "Fetching the submodule vendor/lib at 1111111" in said
    assert "By https, as a server without a key can: https://git.example/o/lib.git" in said
    assert jobs.asked[0].argv[-2:] == ("https://git.example/o/lib.git", "1" * 40)
    assert jobs.asked[0].env["GIT_ALLOW_PROTOCOL"] == "https"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("../lib", ".gitmodules has the address ../lib for it."),
        ("", ".gitmodules has no entry for it."),
    ],
)
def test_one_without_a_public_address_is_refused_by_its_name(
    tmp_path: Path, url: str, said: str
) -> None:
    with pytest.raises(BuildError) as refused:
        brought(tmp_path, url, b"")
    assert refused.value.reason == "build/submodules"
    assert refused.value.title == "The submodule vendor/lib has no public address."
    assert refused.value.detail == said


def test_one_that_cannot_be_fetched_is_refused_with_gits_words(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as refused:
        brought(tmp_path, "https://git.example/lib", b"fatal: repository not found\n", 1)
    assert refused.value.title == "The submodule vendor/lib could not be fetched."
    assert (
        "https://git.example/lib at 1111111:\nfatal: repository not found" in refused.value.detail
    )
    assert [path.name for path in tmp_path.glob("*.tar")] == ["1.tar"]


def test_one_that_is_too_large_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as refused:
        brought(tmp_path, "https://git.example/lib", b"x" * 500_000, limits=TreeLimits(9, 1000))
    assert refused.value.reason == "build/tree-too-large"


def test_what_it_brings_is_looked_through_like_the_rest(tmp_path: Path) -> None:
    from receiver.deploy.tree.refusals import refuse_unsafe
    from receiver.model.build import Tree

    brought(tmp_path, "https://git.example/lib", archive({"./up": LinkTo("../../../etc")}))
    with (tmp_path / "1.tar").open("rb") as whole, pytest.raises(BuildError) as refused:
        refuse_unsafe(Tree(whole))
    assert refused.value.reason == "build/link-leaves-tree"


def test_what_is_no_honest_tar_file_is_refused(tmp_path: Path) -> None:
    """The app's own code may have a hand in it, which runs as the account that fetches."""
    with pytest.raises(BuildError) as refused:
        brought(tmp_path, "https://git.example/lib", b"no tar file" * 100)
    assert refused.value.title == "The files of the submodules cannot be used: vendor/lib."
    with pytest.raises(BuildError) as refused:
        brought(tmp_path, "https://git.example/lib", sparse(10**15))
    assert refused.value.detail == "huge has holes."


def sparse(size: int) -> bytes:
    """A tar file of 1 KiB that says of its one file that it is a hole."""
    info = tarfile.TarInfo("huge")
    info.type = tarfile.GNUTYPE_SPARSE
    head = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    head[483:495] = b"\x80" + size.to_bytes(11, "big")
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + bytes(1024)


def test_all_submodules_together_are_no_larger_than_a_commit_may_be() -> None:
    limits = TreeLimits(9, 1000)
    room = submodules.Room(limits, limits.archive_bytes - 100)
    room.take(60)
    with pytest.raises(BuildError) as refused:
        room.take(60)
    assert refused.value.reason == "build/tree-too-large"
    assert refused.value.detail.startswith("Its files take more than that with its submodules")


def test_no_password_of_an_address_is_shown(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as refused:
        brought(tmp_path, "https://me:secret@git.example/lib", b"fatal: no\n", 1)
    assert "https://***@git.example/lib" in refused.value.detail
    assert "secret" not in refused.value.detail
