"""What is refused before a pushed tree is unpacked; and what looks like it, but is fine."""

import io
import tarfile

import pytest

from receiver.deploy.tree import refusals
from receiver.deploy.tree.refusals import refuse_unsafe, tree_notices
from receiver.model.build import Tree
from receiver.model.errors import BuildError
from tests.unit.trees import FLASK, LinkTo, archive, tree

LFS_POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
SUBMODULE = '[submodule "lib"]\n\tpath = vendor/lib\n\turl = ../lib.git\n'
UP_BY_LINKS = {"d/e/top": LinkTo("../.."), "out": LinkTo("d/e/top/../x")}


@pytest.mark.parametrize(
    ("files", "reason", "seen"),
    [
        ({"a": LinkTo("/etc/passwd")}, "link-leaves-tree", "a -> /etc/passwd"),
        ({"a": LinkTo("..")}, "link-leaves-tree", "a -> .."),
        ({"d/a": LinkTo("../../x")}, "link-leaves-tree", "d/a -> ../../x"),
        ({"d/a": LinkTo("./../d/../../x")}, "link-leaves-tree", "d/a"),
        ({"a": LinkTo("nowhere/../../x")}, "link-leaves-tree", "a -> nowhere"),
        ({"a": LinkTo("b/../x"), "b": LinkTo("/tmp")}, "link-leaves-tree", "b -> /tmp"),
        (UP_BY_LINKS, "link-leaves-tree", "out -> d/e/top/../x"),
        ({"a.bin": LFS_POINTER}, "lfs-pointer", "a.bin"),
        ({".gitmodules": SUBMODULE, "vendor/lib/": ""}, "submodules", "vendor/lib"),
        ({".venv/pyvenv.cfg": "home = /usr"}, "venv-committed", ".venv/pyvenv.cfg"),
        ({"env/pyvenv.cfg": "home = /usr"}, "venv-committed", "env/pyvenv.cfg"),
    ],
)
def test_is_refused(files: dict[str, str | bytes], reason: str, seen: str) -> None:
    with pytest.raises(BuildError) as refused:
        refuse_unsafe(tree({"app.py": FLASK, **files}))
    assert refused.value.reason == f"build/{reason}"
    assert seen in refused.value.detail
    assert refused.value.advice


@pytest.mark.parametrize(
    "files",
    [
        {"d/a": LinkTo("../app.py")},
        {"d/e/a": LinkTo("../.."), "b": LinkTo("d/e/a/app.py")},
        {"a": LinkTo("nowhere")},
        {"a": LinkTo("b"), "b": LinkTo("a")},
        {"a..b/..c": "x", "...": "x"},
        {"gr\udcfc\udcdfe.txt": "x", "a b\n.txt": "x"},
        {".gitmodules": SUBMODULE},
        {".gitmodules": SUBMODULE, "vendor/lib/a.py": "x"},
        {"docs/lfs.md": f"A pointer looks like this:\n{LFS_POINTER}"},
        {"tests/data/venv/pyvenv.cfg": "x"},
        {},
    ],
)
def test_is_accepted(files: dict[str, str | bytes]) -> None:
    refuse_unsafe(tree({"app.py": FLASK, **files}))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../up", tarfile.REGTYPE),
        ("d/../../up", tarfile.REGTYPE),
        ("/etc/up", tarfile.REGTYPE),
        ("hard", tarfile.LNKTYPE),
        ("device", tarfile.CHRTYPE),
        ("pipe", tarfile.FIFOTYPE),
    ],
)
def test_what_git_never_writes_is_refused(name: str, kind: bytes) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "app.py"
        tar.addfile(member)
    buffer.seek(0)
    with pytest.raises(BuildError) as refused:
        refuse_unsafe(Tree(buffer))
    assert refused.value.reason == "build/unsafe-tree"


def test_names_of_any_bytes_are_shown_as_text() -> None:
    with pytest.raises(BuildError) as refused:
        refuse_unsafe(tree({"gr\udcfc\n\x1b[0m": LinkTo("/etc")}))
    refused.value.detail.encode()
    assert "\n" not in refused.value.detail
    assert "\x1b" not in refused.value.detail


def test_a_long_list_is_cut() -> None:
    with pytest.raises(BuildError) as refused:
        refuse_unsafe(tree({f"link{number:02}": LinkTo("/etc") for number in range(25)}))
    assert "link09" in refused.value.detail
    assert "link10" not in refused.value.detail
    assert "and 15 more" in refused.value.detail


def test_a_tree_that_was_packed_again_has_the_same_names() -> None:
    found = Tree(io.BytesIO(archive({"./": "", "./app.py": FLASK, "./a/": "", "./a/b.txt": "b"})))
    assert found.names() == ["a/", "app.py"]
    assert found.files() == ["app.py", "a/b.txt"]
    assert found.read("a/b.txt") == b"b"


def test_links_are_followed_when_a_file_is_read() -> None:
    found = Tree(
        io.BytesIO(archive({"deep/r.txt": "flask", "requirements.txt": LinkTo("deep/r.txt")}))
    )
    assert found.has("requirements.txt")
    assert found.read("requirements.txt") == b"flask"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("db.sqlite3", "`ship storage:mount db.sqlite3`"),
        ("data/app.sqlite", "data/app.sqlite is in the push"),
        (".env", "`ship config:set`"),
        ("node_modules/a/index.js", "`git rm -r --cached node_modules`"),
        ("blog/__pycache__/a.cpython-312.pyc", "`git rm -r --cached '*.pyc'`"),
    ],
)
def test_what_was_committed_by_mistake_is_told_and_let_through(path: str, told: str) -> None:
    pushed = tree({"app.py": FLASK, path: "x"})
    refuse_unsafe(pushed)
    (notice,) = tree_notices(pushed)
    assert told in notice


def test_a_database_that_is_kept_in_the_storage_gives_no_notice() -> None:
    assert (
        tree_notices(tree({"app.py": FLASK, "db.sqlite3": "x"}), {"db.sqlite3": "db.sqlite3"}) == ()
    )


def test_an_ordinary_tree_gives_no_notice() -> None:
    pushed = tree({"app.py": FLASK, ".env.example": "", "docs/sqlite3.md": "", "env": ""})
    assert tree_notices(pushed) == ()


def test_links_over_links_are_followed_only_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "_STEPS_FOLLOWED", 1000)
    chain = {f"l{n}": LinkTo(f"l{n + 1}/" * 3) for n in range(60)}
    with pytest.raises(BuildError) as refused:
        refuse_unsafe(tree(dict(chain)))
    assert refused.value.reason == "build/unsafe-tree"


def test_a_gitmodules_of_blanks_and_one_of_names_are_read_at_once() -> None:
    blank = '[submodule "x"]\n' + "\n" * 500_000 + "path = a" + " " * 500_000 + "b\n"
    refuse_unsafe(tree({"app.py": FLASK, ".gitmodules": blank}))
    many = "".join(f"path = docs/{n % 7}\n" for n in range(100_000))
    refuse_unsafe(tree({".gitmodules": many, **{f"docs/{n}/a.txt": "" for n in range(300)}}))
