"""Why a process ended, read from systemd's entries in the journal and from supervisord's log."""

import json

import pytest

from receiver.hosts.process_ends import (
    EXITED,
    OUT_OF_MEMORY,
    SUCCEEDED,
    from_journal,
    from_supervisord,
    last_line,
)


def exited(code: str, status: str, command: str = "ExecStart") -> dict[str, str]:
    return {"MESSAGE_ID": EXITED, "EXIT_CODE": code, "EXIT_STATUS": status, "COMMAND": command}


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([], None),
        ([exited("exited", "1")], "exit status 1"),
        ([exited("exited", "1"), exited("killed", "SEGV")], "killed by SIGSEGV"),
        ([exited("dumped", "ABRT")], "killed by SIGABRT"),
        ([exited("killed", "40")], "killed by signal 40"),
        ([exited("killed", "11")], "killed by SIGSEGV"),
        (
            [{"MESSAGE_ID": OUT_OF_MEMORY}, exited("killed", "KILL")],
            "killed, because memory ran out",
        ),
        (
            [{"MESSAGE_ID": OUT_OF_MEMORY}, exited("killed", "KILL"), exited("exited", "2")],
            "exit status 2",
        ),
        ([{"MESSAGE_ID": OUT_OF_MEMORY}, exited("exited", "1")], "exit status 1"),
        ([exited("exited", "1"), {"MESSAGE_ID": SUCCEEDED}], "ended by itself, without an error"),
        ([exited("exited", "1"), exited("exited", "7", "ExecStop")], "exit status 1"),
    ],
)
def test_the_last_end_in_the_journal_counts(
    entries: list[dict[str, str]], reason: str | None
) -> None:
    assert from_journal(json.dumps(entry).encode() for entry in entries) == reason


@pytest.mark.parametrize(
    ("lines", "last"),
    [
        ([], None),
        (["ship: Starting v1.", "one", "two", "", "ship: It ended soon."], "two"),
        (["ship: Starting v1.", "one", "ship: Starting v2.", "ship: It ended soon."], None),
        (["a line in the middle", "of many"], "of many"),
    ],
)
def test_the_last_line_is_of_the_last_start(lines: list[str], last: str | None) -> None:
    assert last_line(lines) == last


LOG = """\
2026-01-31 08:15:00,100 INFO spawned: 'blog.ps.worker.1' with pid 4711
2026-01-31 08:15:01,200 WARN exited: blog.ps.worker.1 (exit status 3; not expected)
2026-01-31 08:15:02,300 WARN exited: blog.ps.worker.10 (terminated by SIGKILL; not expected)
2026-01-31 08:15:03,400 INFO exited: blog.ps.clock.1 (exit status 0; expected)
2026-01-31 08:15:04,500 INFO stopped: blog.ps.mail.1 (terminated by SIGTERM)
"""


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("worker.1", "exit status 3"),
        ("worker.10", "killed by SIGKILL"),
        ("clock.1", "ended by itself, without an error"),
        ("mail.1", None),
    ],
)
def test_the_last_end_in_supervisords_log_counts(name: str, reason: str | None) -> None:
    assert from_supervisord(LOG.splitlines(), f"blog.ps.{name}") == reason
