"""The audit's files: lines that are only added, in a chain that shows what was changed, across
files and power cuts."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from receiver.access import audit
from receiver.cli.commands.audit import _visible
from receiver.machine.clock import SYSTEM_CLOCK
from receiver.model.address import parse_address
from receiver.model.audit import Line, shortened
from receiver.model.catalogue import COMMANDS
from receiver.model.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout.embedded(tmp_path)
    found.state.mkdir()
    return found


def line(command: str = "ps:stop", **more: object) -> Line:
    given = {
        "at": "2026-01-31T08:00:00Z",
        "id": audit.new_id(),
        "event": "began",
        "command": command,
        **more,
    }
    return Line(**given)  # type: ignore[arg-type]


def add(layout: Layout, *commands: str) -> None:
    for command in commands:
        audit.append(layout, line(command))


def commands(layout: Layout) -> list[str]:
    return [each.command for each in audit.newest_first(layout)]


def test_lines_are_found_newest_first_and_only_roots(layout: Layout) -> None:
    add(layout, "a", "b", "c")
    assert commands(layout) == ["c", "b", "a"]
    (path,) = audit.segments(layout)
    assert path.stat().st_mode & 0o777 == 0o600
    assert layout.audit.stat().st_mode & 0o777 == 0o700


def test_what_somebody_typed_forges_no_line_and_nothing_on_a_terminal(layout: Layout) -> None:
    evil = 'x\n{"at":"2020","id":"1","event":"began","command":"forged"}\r\n\x1b[2J\x00\u2028\x85'
    audit.append(layout, line("run", words=(evil,), key="ci"))
    assert commands(layout) == ["run"]
    (found,) = audit.newest_first(layout)
    assert found.words == (evil,)
    assert audit.verify(layout).lines == 1
    assert _visible(evil).isprintable()


def test_a_full_file_is_followed_by_another_and_all_are_kept(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "SEGMENT_BYTES", 600)
    add(layout, *(f"c{number}" for number in range(20)))
    assert len(audit.segments(layout)) > 3
    assert commands(layout) == [f"c{number}" for number in reversed(range(20))]
    found = audit.verify(layout)
    assert (found.lines, found.broken, found.torn, found.first) == (20, (), 0, 1)
    audit.segments(layout)[0].unlink()  # put away by somebody
    later = audit.verify(layout)
    assert (later.first, later.broken, later.head) == (2, (), found.head)


@pytest.mark.parametrize("how", ["changed", "removed", "swapped", "added"])
def test_a_line_that_is_not_what_it_was_is_found(layout: Layout, how: str) -> None:
    add(layout, "a", "b", "c", "d")
    (path,) = audit.segments(layout)
    lines = path.read_bytes().splitlines()
    changed = {
        "changed": [lines[0], lines[1].replace(b'"b"', b'"x"'), *lines[2:]],
        "removed": [lines[0], *lines[2:]],
        "swapped": [lines[0], lines[2], lines[1], lines[3]],
        "added": [*lines[:2], lines[1], *lines[2:]],
    }[how]
    path.write_bytes(b"\n".join(changed) + b"\n")
    assert audit.verify(layout).broken


def test_lines_that_were_cut_off_the_end_are_missed_by_who_kept_the_digest(layout: Layout) -> None:
    add(layout, "a", "b", "c")
    head = audit.verify(layout).head
    (path,) = audit.segments(layout)
    path.write_bytes(b"\n".join(path.read_bytes().splitlines()[:2]) + b"\n")
    found = audit.verify(layout, head)
    assert (found.broken, found.seen) == ((), False)
    assert audit.verify(layout, found.head).seen


@pytest.mark.parametrize("kept", [1, 30, -1])
def test_a_line_that_a_power_cut_tore_neither_hides_the_next_nor_breaks_the_chain(
    layout: Layout, kept: int
) -> None:
    add(layout, "a", "b")
    (path,) = audit.segments(layout)
    whole = path.read_bytes()
    start = whole.index(b"\n") + 1
    path.write_bytes(whole[:start] + whole[start:][:kept])
    add(layout, "c")
    found = audit.verify(layout)
    assert (found.lines, found.broken) == (3, ())
    assert commands(layout) == (["c", "b", "a"] if kept == -1 else ["c", "a"])
    assert found.torn == (0 if kept == -1 else 1)


def test_many_at_once_make_one_chain(layout: Layout) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: add(layout, f"c{number}"), range(40)))
    found = audit.verify(layout)
    assert (found.lines, found.broken) == (40, ())
    assert set(commands(layout)) == {f"c{number}" for number in range(40)}


def test_an_end_is_recorded_once_and_by_whom_it_was_handed_to(layout: Layout) -> None:
    entry = audit.Entry(layout, SYSTEM_CLOCK, line("config:set"), pytest.fail).begin()
    entry.told = "Set A config var"
    entry.end(0, release="v2")
    entry.end(1)
    left = audit.Entry(layout, SYSTEM_CLOCK, line("ps:stop"), pytest.fail).begin()
    left.hand_over()
    left.end(0)
    found = [(each.command, each.event, each.result) for each in audit.newest_first(layout)]
    assert found == [
        ("ps:stop", "began", ""),
        ("config:set", "ended", "Set A config var, v2"),
        ("config:set", "began", ""),
    ]


def test_the_end_of_a_process_that_was_killed_is_recorded_unless_it_did_so_itself(
    layout: Layout,
) -> None:
    killed, quick = (
        audit.Entry(layout, SYSTEM_CLOCK, line("git push", app=app), pytest.fail).begin()
        for app in ("shop", "blog")
    )
    quick.end(0, release="v3")
    for change in (killed.line.id, quick.line.id, "of nobody", killed.line.id):
        audit.end_for(layout, change, SYSTEM_CLOCK.stamp(), audit.End(10, "build/interrupted", "x"))
    ends = [
        (each.app, each.status, each.reason, each.result)
        for each in audit.newest_first(layout)
        if each.event == "ended"
    ]
    assert ends == [("shop", 10, "build/interrupted", "x"), ("blog", 0, "", "v3")]
    assert audit.verify(layout).broken == ()


def test_a_disk_that_takes_no_line_stops_nobody_and_is_told(layout: Layout) -> None:
    layout.audit.symlink_to("/proc/nowhere")
    told: list[str] = []
    audit.Entry(layout, SYSTEM_CLOCK, line(), told.append).begin().end(0)
    assert len(told) == 2
    assert all("lacks this" in each for each in told)


def test_addresses_and_words() -> None:
    assert parse_address("203.0.113.7 4711 22") == "203.0.113.7"
    assert parse_address("2001:db8::7 4711 22") == "2001:db8::7"
    assert parse_address("203.0.113.7") == "203.0.113.7"
    assert parse_address("") == parse_address("x; rm 1 2") == ""
    assert shortened(["\udcff"]) == ("\\xff",)
    assert shortened(["a", "b" * 400]) == ("a", "b" * 300 + "…")
    assert sum(map(len, shortened(["c" * 290] * 50))) < 2500


def test_what_changes_something_is_on_record_and_what_looks_is_not() -> None:
    for name in (
        "config:set",
        "config",
        "config:get",
        "run",
        "access:add",
        "apps:create",
        "keys:remove",
        "apps:lock",
    ):
        assert COMMANDS[name].is_recorded
    for name in ("apps", "logs", "ps", "version", "audit", "keys", "plan", "whoami"):
        assert not COMMANDS[name].is_recorded
