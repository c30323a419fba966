"""A new command is a row and its function: gate, door, completion, audit and reference know it."""

import sys
from pathlib import Path
from types import ModuleType

import click
import pytest

from receiver.access import audit, keys
from receiver.cli import reference, show
from receiver.cli.command import Call, command, for_app
from receiver.cli.completing import Word, offered
from receiver.cli.context import read_environment
from receiver.cli.main import main, program
from receiver.logs import audit_logs
from receiver.model.catalogue import COMMANDS, Row
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.push import gate

BLOG = AppName("blog")
NOW = "2026-01-01T00:00:00Z"
SECTION = """## toys:hide

`ship toys:hide [OPTIONS] [TOYS]...`

Put toys away; they are found again. A key needs the grant deploy.

| option | |
|---|---|
| `-a, --app NAME` | The app. |
| `-r, --remote NAME` | The git remote that leads to it. |
"""
Captured = pytest.CaptureFixture[bytes]


def hide(call: Call, toys: tuple[str, ...]) -> int:
    """Put toys away; they are found again."""
    show.data(f"{call.app}: {len(toys)} toys")
    return 0


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row, and the module that it names."""
    row = Row(
        "toys:hide",
        "deploy",
        also=("stash",),
        secret=True,
        records=("toys",),
        in_log=True,
        completes={"toys": ("BEAR", "DOLL")},
    )
    monkeypatch.setitem(COMMANDS, "toys:hide", row)
    module = ModuleType("receiver.cli.commands.toys")
    taking_toys = for_app(click.argument("toys", nargs=-1)(hide))
    monkeypatch.setattr(module, "hide", command("toys:hide")(taking_toys), raising=False)
    monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A server with an app that one key may deploy, and another only see."""
    found = Layout.embedded(tmp_path)
    found.keys.mkdir(parents=True)
    found.app(BLOG).home.mkdir(parents=True)
    found.app(BLOG).settings.write_text(f'port = 1\nport_a = 2\nport_b = 3\ncreated_at = "{NOW}"\n')
    for name in ("boss", "ci", "guest"):
        keys.add_token(found, name, NOW)
    keys.grant_app(found, "ci", BLOG, "deploy")
    keys.grant_app(found, "guest", BLOG, "view")
    monkeypatch.setenv("SHIP_ROOT", str(tmp_path))
    return found


def test_the_gate_hides_its_words_also_where_its_name_is_mistyped() -> None:
    for name in ("toys:hide", "toys:hid", "stash"):
        assert gate._without_values([name, "BEAR"]) == [name, "..."]
    assert gate._without_values(["ps:restart", "BEAR"]) == ["ps:restart", "BEAR"]


def test_the_door_lets_its_grant_through_and_both_are_on_record(
    layout: Layout, capfdbinary: Captured
) -> None:
    assert main(["--by", "guest", "--", "toys:hide", "-a", BLOG, "BEAR"]) == 21
    assert main(["--by", "ci", "--", "stash", "-a", BLOG, "BEAR", "s3cr3t word"]) == 0
    assert capfdbinary.readouterr().out == b"blog: 2 toys\n"
    lines = [(it.key, it.event, it.command, it.app, it.words) for it in audit.newest_first(layout)]
    assert lines == [
        ("ci", "ended", "toys:hide", BLOG, ()),
        ("ci", "began", "toys:hide", BLOG, ("BEAR", "...")),
        ("guest", "refused", "toys:hide", BLOG, ("BEAR",)),
    ]
    began = next(line for line in audit.newest_first(layout) if line.event == "began")
    assert audit_logs._text(began) == "toys:hide BEAR ... (by ci)"


def test_it_is_completed_by_its_names_and_its_words_by_what_its_row_lists() -> None:
    call = Call(read_environment(), [], None)
    assert offered(call, program, "ship toy") == [Word("toys:hide", "Put toys away")]
    assert offered(call, program, "ship stas") == [Word("stash", "Put toys away")]
    assert offered(call, program, "ship toys:hide D") == [Word("DOLL")]


def test_help_and_reference_tell_of_it(capfdbinary: Captured) -> None:
    assert main(["help"]) == 0
    assert b"  toys:hide " in capfdbinary.readouterr().out
    page = reference.render()
    assert f"\n{SECTION}\n" in page
    assert "| `stash` | `toys:hide` |" in page
