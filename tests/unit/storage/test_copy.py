"""What a tar file for an app's storage may be: no more than it takes on its way."""

import importlib
import io
import os
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from receiver.model.program import RUNTIME

MIB = 1 << 20


@pytest.fixture
def copying(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The program that takes files in, as the app's account runs it."""
    monkeypatch.syspath_prepend(str(RUNTIME))
    yield importlib.import_module("storage_copy")
    for name in ("storage_copy", "storage_files"):
        sys.modules.pop(name, None)


def take(copying: ModuleType, tar: bytes, folder: Path, limit: int = MIB) -> tuple[int, int]:
    source = folder.with_suffix(".tar")
    source.write_bytes(tar)
    folder.mkdir()
    with source.open("rb") as given:
        found: tuple[int, int] = copying.extract(copying.Counted(given.fileno(), limit), folder)
    return found


def packed(name: str, content: bytes = b"", **headers: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo(name)
        member.size, member.pax_headers = len(content), headers
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_a_file_is_taken(copying: ModuleType, tmp_path: Path) -> None:
    assert take(copying, packed("item", b"hello"), tmp_path / "there") == (1, 5)
    assert (tmp_path / "there" / "item").read_bytes() == b"hello"


def old_sparse() -> bytes:
    """A file of 8 GiB with nothing in it, as GNU tar wrote them."""
    header = bytearray(packed("item")[:512])
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[483:495] = b"%011o\0" % (8 << 30)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1024)


SPARSE = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(8 << 30), "GNU.sparse.numblocks": "1"}


@pytest.mark.parametrize(
    "tar",
    [
        old_sparse(),
        packed("item", b"", **SPARSE),
        packed("item", comment="x" * 100_000),
        packed("elsewhere", b"x"),
    ],
    ids=["old holes", "holes", "long header", "another name"],
)
def test_what_becomes_more_than_it_is_or_lies_elsewhere_is_refused(
    tar: bytes, copying: ModuleType, tmp_path: Path
) -> None:
    with pytest.raises(copying.Refused):
        take(copying, tar, tmp_path / "there")
    assert not list((tmp_path / "there").iterdir())


def test_no_more_is_read_than_fits(copying: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(copying.Refused):
        take(copying, packed("item", bytes(100_000)), tmp_path / "there", limit=50_000)


def test_silence_ends_it(
    copying: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "SILENT_S", 0.02)
    given, kept = os.pipe()
    try:
        with pytest.raises(copying.Refused):
            copying.extract(copying.Counted(given, MIB), tmp_path)
    finally:
        os.close(given)
        os.close(kept)
