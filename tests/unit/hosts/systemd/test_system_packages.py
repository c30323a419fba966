"""How Debian's packages are installed: what apt is given, and what is kept from starting."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from receiver.hosts.systemd import system_packages
from receiver.hosts.systemd.system_packages import AptPackages
from receiver.machine import apt
from receiver.model.layout import Layout


class Machine:
    """Records what is run; its units are of before, until apt has installed."""

    def __init__(self, policy: Path, note: Path, *, downloads: int = 0) -> None:
        self.policy, self.note, self.downloads = policy, note, downloads
        self.ran: list[tuple[str, ...]] = []
        self.guarded: list[bool] = []
        self.disabled: list[str] = []
        self.enabled, self.generated = ["ssh.service"], ["old.service"]

    def run(self, argv: Sequence[str], _say: Callable[[bytes], object]) -> int:
        self.ran.append(tuple(argv))
        self.guarded.append(self.policy.exists() and self.note.exists())
        if "--download-only" in argv:
            return self.downloads
        if "install" in argv:
            self.enabled, self.generated = (
                ["ssh.service", "apache2.service"],
                ["old.service", "new.service"],
            )
        return 0

    def systemctl(self, *argv: str) -> bytes:
        if argv[0] == "disable":
            self.disabled.append(argv[-1])
        rows = [f"{name} enabled enabled\n" for name in self.enabled]
        rows += [f"{name} generated -\n" for name in self.generated]
        return "".join([*rows, "rescue.service static -\n"]).encode()


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[AptPackages, Machine]:
    layout = Layout.embedded(tmp_path)
    layout.state.mkdir(parents=True)
    machine = Machine(tmp_path / "policy", layout.packages_note)
    monkeypatch.setattr(system_packages, "_POLICY", machine.policy)
    monkeypatch.setattr(system_packages, "_run", machine.run)
    monkeypatch.setattr(system_packages, "systemctl", machine.systemctl)
    monkeypatch.setattr(apt, "missing", tuple)
    monkeypatch.setattr(apt, "is_interrupted", lambda: False)
    return AptPackages(layout), machine


def test_what_comes_along_is_not_started_also_by_an_old_script(
    packages: tuple[AptPackages, Machine],
) -> None:
    installer, machine = packages
    said = bytearray()
    assert installer.work(["at"], said.extend) == 0
    assert machine.disabled == ["apache2.service", "new.service"]
    assert b"new.service came with a package, and is kept from starting.\n" in said
    assert not machine.policy.exists()
    assert not machine.note.exists()


def test_starts_are_denied_only_while_apt_installs(packages: tuple[AptPackages, Machine]) -> None:
    """What an administrator starts during a long download is not taken for a package's."""
    installer, machine = packages
    installer.work(["at"], len)
    what = [next(word for word in argv if word in {"update", "install"}) for argv in machine.ran]
    assert what == ["update", "install", "install"]
    assert machine.guarded == [False, False, True]


def test_what_cannot_be_fetched_changes_nothing(packages: tuple[AptPackages, Machine]) -> None:
    installer, machine = packages
    machine.downloads = 100
    assert installer.work(["odd"], len) == 100
    assert machine.guarded == [False, False]
    assert machine.disabled == []


def test_a_name_is_no_pattern(packages: tuple[AptPackages, Machine]) -> None:
    """`libicu7.2`, which no package has, would bring every package that it fits."""
    installer, machine = packages
    installer.work(["libicu7.2"], len)
    for argv in machine.ran:
        assert "APT::Cmd::Pattern-Only=true" in argv
    assert machine.ran[-1][-2:] == ("--", "libicu7.2")
