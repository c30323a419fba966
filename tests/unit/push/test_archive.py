"""What becomes of an archive that somebody sends: a tree of git's, or a clear error."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator

import pytest

from receiver.model.errors import BuildError
from receiver.model.weight import MIB, TreeLimits
from receiver.push.archive import Made, read
from receiver.push.pack_writer import TREE, PackWriter

LIMITS = TreeLimits(100, 10 * MIB)


class Kept(PackWriter):
    """A pack that shows what was written into it."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO())
        self.objects: dict[str, tuple[int, bytes]] = {}

    def add(self, kind: int, size: int, chunks: Iterable[bytes]) -> str:
        data = b"".join(chunks)
        name = super().add(kind, size, (data,))
        self.objects[name] = kind, data
        return name

    def files(self, tree: str, above: str = "") -> Iterator[tuple[str, tuple[str, bytes]]]:
        data = self.objects[tree][1]
        while data:
            head, _, rest = data.partition(b"\0")
            mode, _, name = head.decode("utf-8", "surrogateescape").partition(" ")
            kind, content = self.objects[rest[:20].hex()]
            if kind == TREE:
                yield from self.files(rest[:20].hex(), f"{above}{name}/")
            else:
                yield above + name, (mode, content)
            data = rest[20:]


def member(name: str, content: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def tar(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, errors="surrogateescape") as bundle:  # type: ignore[call-overload] # a mode as text
        for info, content in members:
            bundle.addfile(info, io.BytesIO(content))
    return file.getvalue()


def take(data: bytes, limits: TreeLimits = LIMITS) -> tuple[Made, dict[str, tuple[str, bytes]]]:
    pack = Kept()
    made = read(io.BytesIO(data), pack, limits)
    return made, dict(pack.files(made.tree))


APP = (member("app.py", b"app"), member("bin/run", b"#!", mode=0o755), member("a.txt", b"app"))


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz", "w"])
def test_a_tar_file_becomes_a_tree(mode: str) -> None:
    made, files = take(tar(*APP, mode=mode))
    assert files == {
        "app.py": ("100644", b"app"),
        "bin/run": ("100755", b"#!"),
        "a.txt": ("100644", b"app"),
    }
    assert made[1:] == (3, (), "")


def test_a_zip_becomes_a_tree() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("site/", b"")
        bundle.writestr("site/app.py", b"app")
        program = zipfile.ZipInfo("site/run")
        program.external_attr = 0o100755 << 16
        bundle.writestr(program, b"#!")
        link = zipfile.ZipInfo("site/now")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        bundle.writestr(link, b"app.py")
    made, files = take(file.getvalue())
    assert files == {
        "app.py": ("100644", b"app"),
        "run": ("100755", b"#!"),
        "now": ("120000", b"app.py"),
    }
    assert made.top == "site"


def test_the_one_folder_around_it_all_is_the_top() -> None:
    made, files = take(tar(member("./blog-1.0/app.py", b"x"), member("./blog-1.0/a/b.py", b"y")))
    assert (made.top, list(files)) == ("blog-1.0", ["a/b.py", "app.py"])


def test_links_within_it_are_kept() -> None:
    _, files = take(
        tar(
            member("app.py", b"x"),
            member("soft", type=tarfile.SYMTYPE, linkname="app.py"),
            member("hard", type=tarfile.LNKTYPE, linkname="./app.py"),
        )
    )
    assert files["soft"] == ("120000", b"app.py")
    assert files["hard"] == files["app.py"]


def test_what_is_part_of_no_app_is_left_out() -> None:
    made, files = take(
        tar(
            member("app.py", b"x"),
            member(".git/config", b"x"),
            member("pkg/__pycache__/a.cpython-313.pyc", b"x"),
            member("pkg/a.py", b"x"),
            member("env/pyvenv.cfg", b"x"),
            member("env/lib/b.py", b"x"),
        )
    )
    assert list(files) == ["app.py", "pkg/a.py"]
    assert made.left_out == (".git", "__pycache__", "env")


def test_a_name_twice_is_the_later_one() -> None:
    assert take(tar(member("a", b"1"), member("a", b"2")))[1] == {"a": ("100644", b"2")}


def test_git_sorts_folders_as_if_they_had_a_slash() -> None:
    pack = Kept()
    made = read(io.BytesIO(tar(member("a/x"), member("a.b"), member("a-b"))), pack, LIMITS)
    names = [part.rpartition(b" ")[2] for part in pack.objects[made.tree][1].split(b"\0")[:-1]]
    assert [name[-3:] for name in names] == [b"a-b", b"a.b", b"a"]


def huge_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("a", bytes(11 * MIB))
    return file.getvalue()


def claims(size: int) -> bytes:
    """A tar file of one file that says to be larger than it is."""
    info = tarfile.TarInfo("a")
    info.size = size
    return info.tobuf() + bytes(10240)


def locked_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as bundle:
        bundle.writestr("a", b"secret")
    data = bytearray(file.getvalue())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    return bytes(data)


def long_name(size: int) -> bytes:
    """A tar file with a header of the kind that holds a long name, which claims such a size."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, size
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(10240)


HOSTILE: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "an absolute name": (lambda: tar(member("/etc/passwd")), "unsafe-tree", "/etc/passwd leads"),
    "a way up": (lambda: tar(member("a/../../b")), "unsafe-tree", "a/../../b leads out"),
    "a hard link out": (
        lambda: tar(member("a", type=tarfile.LNKTYPE, linkname="/etc/shadow")),
        "unsafe-tree",
        "a hard link to /etc/shadow",
    ),
    "a device": (lambda: tar(member("d", type=tarfile.BLKTYPE)), "unsafe-tree", "d is a device"),
    "a pipe": (lambda: tar(member("p", type=tarfile.FIFOTYPE)), "unsafe-tree", "p is a device"),
    "a file that is a folder": (
        lambda: tar(member("a"), member("a/b")),
        "unsafe-tree",
        "a/b is both a file and a folder",
    ),
    "a folder that is a file": (
        lambda: tar(member("a/b"), member("a")),
        "unsafe-tree",
        "a is both a file and a folder",
    ),
    "many files": (
        lambda: tar(*(member(str(n)) for n in range(101))),
        "too-many-files",
        "101 files and folders",
    ),
    "many folders": (
        lambda: tar(*(member(f"{n}/{n}/{n}") for n in range(40))),
        "too-many-files",
        "files and folders",
    ),
    "a bomb": (lambda: tar(member("a", bytes(11 * MIB))), "tree-too-large", "limit is 10 MiB"),
    "a bomb in a zip": (huge_zip, "tree-too-large", "limit is 10 MiB"),
    "a claim": (lambda: claims(1 << 32), "tree-too-large", "limit is 10 MiB"),
    "a long path": (lambda: tar(member("a/" * 600 + "b")), "path-too-long", "longest path"),
    "no archive": (lambda: b"hello, here I am", "not-an-archive", "."),
    "nothing": (lambda: b"", "not-an-archive", "."),
    "a password": (locked_zip, "not-an-archive", "encrypted"),
    "half of it": (lambda: tar(member("a", bytes(range(256)) * 99))[:300], "archive-cut-short", ""),
    "half a zip": (lambda: huge_zip()[:900], "not-an-archive", "zip"),
    "no file": (
        lambda: tar(member(".git/a"), member("b", type=tarfile.DIRTYPE)),
        "empty-archive",
        ".git",
    ),
    "a bomb that is left out": (
        lambda: tar(member("app.py"), *(member(f".git/{n}", bytes(9 * MIB)) for n in range(9))),
        "archive-too-large",
        "Left out: .git.",
    ),
    "an endless name": (lambda: long_name(7 << 30), "not-an-archive", ""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_honest_archive_is_a_clear_error(name: str) -> None:
    make, reason, seen = HOSTILE[name]
    with pytest.raises(BuildError) as caught:
        take(make())
    assert caught.value.reason == f"build/{reason}", caught.value.title + caught.value.detail
    assert seen in caught.value.title + caught.value.detail
    assert caught.value.advice


def test_a_chain_of_names_without_an_end_is_no_deep_call() -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1
    with pytest.raises(BuildError):
        take((info.tobuf(tarfile.GNU_FORMAT) + bytes(512)) * 5000)


def test_a_name_with_a_nul_byte_is_refused() -> None:
    """In a tree of git's, it would end the name."""
    info = tarfile.TarInfo("x")
    info.pax_headers = {"path": "a\0" + "b" * 20}
    with pytest.raises(BuildError, match="holds something that no commit can hold"):
        take(tar((info, b""), mode="w"))
