"""What the steps of a build say that a file system can fail, and that what is advised then works.

The file system fails by a limit on the size of a file, which the programs inherit.
"""

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from receiver.building import marks
from receiver.building.builder import Builder
from receiver.building.pip_settings import PipSettings
from receiver.model.build import Interpreter
from receiver.model.errors import BuildError
from receiver.model.output import Output
from tests.unit.small_server import BLOG, small_server
from tests.unit.trees import archive

PYTHON = Interpreter("/usr/bin/python3", "3.11.2")
LARGE = bytes(300_000)


@contextmanager
def file_limit(size_bytes: int) -> Iterator[None]:
    """No file that is written in this block, by whatever program, may be larger."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def written_to(file: Path) -> Iterator[None]:
    """Something writes to this file all the time."""
    over = threading.Event()

    def write() -> None:
        with file.open("ab", buffering=0) as handle:
            while not over.is_set():
                handle.write(b"x")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


def _refused(builder: Builder, pushed: Path) -> BuildError:
    """Pack a tree until that fails; what was packed is taken away again."""
    while True:
        try:
            builder.pack(pushed, changed=True)
        except BuildError as error:
            return error
        finally:
            builder.release.slug.unlink()
            pushed.touch()


def a_builder(root: Path, said: bytearray, last: Path | None = None) -> Builder:
    server = small_server(root)
    paths = server.layout.app(BLOG)
    release = paths.release(1)
    for folder in (release.home, paths.cache, paths.run):
        folder.mkdir(parents=True, exist_ok=True)
    return Builder(
        server=server,
        paths=paths,
        release=release,
        out=Output(said.extend),
        pip=PipSettings(),
        last_venv=last,
    )


def test_what_cannot_be_unpacked_is_told_and_pushed_again_it_is(tmp_path: Path) -> None:
    builder = a_builder(tmp_path, bytearray())
    pushed = tmp_path / "pushed.tar"
    pushed.write_bytes(archive({"film.mp4": LARGE}))
    with pytest.raises(BuildError) as refused, file_limit(100_000):
        builder.unpack(pushed)
    assert refused.value.reason == "build/unpack-failed"
    assert "Push again" in refused.value.advice
    assert refused.value.detail
    builder.unpack(pushed)
    assert (builder.release.source / "film.mp4").read_bytes() == LARGE


def test_what_cannot_be_packed_is_told_in_tars_words(tmp_path: Path) -> None:
    builder = a_builder(tmp_path, bytearray())
    pushed = tmp_path / "pushed.tar"
    pushed.write_bytes(b"")
    builder.release.source.mkdir()
    made = builder.release.source / "made.txt"
    made.write_bytes(bytes(20_000_000))
    with written_to(made):
        refused = _refused(builder, pushed)
        while "tar wrote nothing." in refused.detail:  # who writes had no turn at the second look
            refused = _refused(builder, pushed)
    assert refused.reason == "build/pack-failed"
    assert "made.txt: file changed as we read it" in refused.detail
    assert "may not be written to when it is over" in refused.advice
    builder.pack(pushed, changed=True)
    assert builder.release.slug.stat().st_size > made.stat().st_size
    assert not pushed.exists()


def test_a_virtualenv_that_cannot_be_copied_is_made_from_its_packages(tmp_path: Path) -> None:
    said = bytearray()
    last = tmp_path / "last"
    (last / "lib").mkdir(parents=True)
    (last / "lib/large.so").write_bytes(LARGE)
    marks.write(last, PYTHON)
    builder = a_builder(tmp_path / "root", said, last)
    venv = builder.paths.venvs / "next"
    venv.mkdir()
    with file_limit(100_000):
        assert not builder._copied(venv, marks.told(PYTHON), None)
    assert b"could not be copied, so all packages are installed" in said
    assert list(venv.iterdir()) == []
    assert builder._copied(venv, marks.told(PYTHON), None)
    assert (venv / "lib/large.so").read_bytes() == LARGE
