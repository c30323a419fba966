"""Which packages a push may have installed, and what it is told else."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Literal, cast

import pytest

from receiver.building import system_packages
from receiver.hosts import Host
from receiver.model.errors import ShipError
from receiver.model.layout import Layout
from receiver.model.output import Output
from receiver.model.settings import Server as Settings
from receiver.server import Server

GONE = "cannot open shared object file: No such file or directory"


@dataclass
class Packages:
    """A machine with some packages."""

    can_install: bool = True
    installed: set[str] = field(default_factory=lambda: {"git"})
    listed: frozenset[str] = frozenset({"ffmpeg", "git", "libfoo3t64", "libglib2.0-0t64"})
    says: bytes = b"Get:1 x\nReading database ...\nE: Unable to locate package odd\n"

    def missing(self, names: Collection[str]) -> tuple[str, ...]:
        return tuple(name for name in names if name not in self.installed)

    def known(self, names: Collection[str]) -> frozenset[str]:
        return self.listed & set(names)

    def install(self, names: Collection[str], on_output: Callable[[bytes], object]) -> int:
        on_output(self.says)
        self.installed |= self.listed & set(names)
        return 0 if self.listed.issuperset(names) else 100


def server(
    tmp_path: Path, packages: Packages, apt: Literal["listed", "allow"] = "listed"
) -> Server:
    layout = Layout.embedded(tmp_path)
    layout.etc.mkdir(exist_ok=True)
    host = SimpleNamespace(system_packages=packages)
    return Server(layout, Settings(domain="x.test", apt=apt), cast("Host", host))


def test_what_is_there_needs_no_permission(tmp_path: Path) -> None:
    for packages in (Packages(), Packages(can_install=False)):
        assert system_packages.lacking(server(tmp_path, packages), ("git",)) == ()
        assert system_packages.lacking(server(tmp_path, packages), ()) == ()


def test_what_is_allowed_one_by_one_or_all_is_installed(tmp_path: Path) -> None:
    some = server(tmp_path, Packages())
    with pytest.raises(ShipError) as refused:
        system_packages.lacking(some, ("git", "ffmpeg", "libmagic1"))
    assert refused.value.reason == "build/packages-missing"
    assert "`ship packages:add ffmpeg libmagic1`" in refused.value.advice
    system_packages.allow(some, ("ffmpeg",), "laptop")
    with pytest.raises(ShipError) as refused:
        system_packages.lacking(some, ("ffmpeg", "libmagic1"))
    assert "`ship packages:add libmagic1`" in refused.value.advice
    assert system_packages.lacking(some, ("ffmpeg", "git")) == ("ffmpeg",)
    system_packages.disallow(some, ("ffmpeg",))
    assert system_packages.allowed(some.layout) == {}
    free = server(tmp_path, Packages(), apt="allow")
    assert system_packages.lacking(free, ("ffmpeg", "libmagic1")) == ("ffmpeg", "libmagic1")


def test_without_root_an_administrator_installs_by_hand(tmp_path: Path) -> None:
    """Also where everything is allowed."""
    here = server(tmp_path, Packages(can_install=False), apt="allow")
    with pytest.raises(ShipError) as refused:
        system_packages.lacking(here, ("ffmpeg",))
    assert "runs without root" in refused.value.detail
    assert "`sudo apt-get install ffmpeg`" in refused.value.advice


def test_of_apts_words_those_are_shown_that_say_something(tmp_path: Path) -> None:
    said = bytearray()
    with pytest.raises(ShipError) as failed:
        system_packages.install(server(tmp_path, Packages()), ("odd",), Output(said.extend))
    assert failed.value.reason == "build/package-unknown"
    assert failed.value.title == "The server's distribution has no package odd."
    assert b"Get:1" not in said
    assert b"E: Unable to locate package odd" in said
    assert "Look for its name" in failed.value.advice
    system_packages.install(server(tmp_path, Packages()), ("ffmpeg",), Output(said.extend))


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (b"E: Packages need to be removed but remove is disabled.", "build/packages-conflict"),
        (b"E: Package 'odd' has no installation candidate", "build/package-unknown"),
        (b"E: You don't have enough free space", "server/packages-not-installed"),
    ],
)
def test_failures_of_apt_have_reasons(tmp_path: Path, says: bytes, reason: str) -> None:
    here = server(tmp_path, Packages(says=says + b"\n"))
    with pytest.raises(ShipError) as failed:
        system_packages.install(here, ("odd",), Output(len))
    assert failed.value.reason == reason
    if reason == "build/packages-conflict":
        assert "Ask for another package" in failed.value.advice
        system_packages.install(here, ("ffmpeg",), Output(len))


@pytest.mark.parametrize(
    ("library", "line"),
    [
        ("libfoo.so.3", "ship packages:add libfoo3t64"),
        ("libgobject-2.0.so.0", "ship packages:add libglib2.0-0t64"),
        ("libpq.so.5", "ship packages:add libpq5"),
        ("libodd.so.9", ""),
    ],
)
def test_a_missing_library_is_named_by_what_apt_has(
    tmp_path: Path, library: str, line: str
) -> None:
    log = f"ImportError: {library}: {GONE}\n"
    assert line in system_packages.for_library(server(tmp_path, Packages()), log)
    assert bool(system_packages.for_library(server(tmp_path, Packages()), log)) == bool(line)
