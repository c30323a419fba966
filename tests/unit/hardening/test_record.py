"""What hardening changed is on disk before it is changed, and is put back as it was."""

from pathlib import Path

import pytest

from receiver.hardening.record import Deed, Ledger, Pending
from receiver.model.layout import Layout


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    layout = Layout.embedded(tmp_path)
    layout.state.mkdir(parents=True)
    return Ledger(layout)


def test_a_file_is_put_back_as_it_was(ledger: Ledger, tmp_path: Path) -> None:
    new, old = tmp_path / "drop.d" / "new.conf", tmp_path / "old.conf"
    old.write_text("theirs\n")
    for path in (new, old):
        ledger.write("ssh login", path, "ours\n")
        ledger.write("ssh login", path, "ours, changed\n")
        assert path.read_text() == "ours, changed\n"
    assert ledger.put_back("ssh login") == []
    assert not new.exists()
    assert old.read_text() == "theirs\n"
    ledger.forget("ssh login")
    assert ledger.deeds == {}


def test_what_somebody_edited_since_stays(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "new.conf"
    ledger.write("journal", path, "ours\n")
    path.write_text("theirs\n")
    assert ledger.put_back("journal") == [str(path)]
    assert path.read_text() == "theirs\n"


def test_a_deed_that_was_cut_off_before_its_file_is_undone_too(
    ledger: Ledger, tmp_path: Path
) -> None:
    path = tmp_path / "new.conf"
    ledger.write("journal", path, "ours\n")
    path.unlink()
    assert ledger.put_back("journal") == []
    assert not path.exists()


def test_deeds_and_what_waits_are_kept_by_point(ledger: Ledger) -> None:
    ledger.note("firewall", Deed(rules=("80/tcp",), enabled=True))
    ledger.note("kernel", Deed(values={"net.ipv4.tcp_syncookies": "0"}))
    assert list(ledger.deeds) == ["firewall", "kernel"]
    ledger.forget("firewall")
    assert list(ledger.deeds) == ["kernel"]


def test_what_waits_is_on_disk_until_it_does_no_more(ledger: Ledger) -> None:
    waits = Pending(points=("firewall",), since=1.0, until=121.0)
    ledger.await_confirmation(waits)
    assert ledger.pending == waits
    ledger.end_waiting()
    assert ledger.pending is None
