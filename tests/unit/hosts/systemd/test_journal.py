"""Entries of systemd's journal as lines of an app's log."""

import json

import pytest

from receiver.hosts.systemd.journal_entries import DROPPED, entry_of

WORKER = "ship-blog.ps.worker@1.service"


def entry(**fields: object) -> bytes:
    stamp = {"__REALTIME_TIMESTAMP": "1769847300123456", "__CURSOR": "s=1"}
    return json.dumps({**stamp, **fields}).encode()


@pytest.mark.parametrize(
    ("fields", "process", "part", "text"),
    [
        (
            {"_SYSTEMD_UNIT": "ship-blog.ps.send.mail@2.service", "MESSAGE": "Ready"},
            "send-mail.2",
            "send-mail",
            b"Ready",
        ),
        (
            {"_SYSTEMD_UNIT": "ship-blog.web@a.service", "MESSAGE": "Booting"},
            "web",
            "web.a",
            b"Booting",
        ),
        (
            {"_SYSTEMD_UNIT": "ship-blog.port@b.service", "MESSAGE": [27, 91, 255]},
            "web",
            "web.b",
            b"\x1b[\xff",
        ),
        ({"_SYSTEMD_UNIT": WORKER, "MESSAGE": None}, "worker.1", "worker", b""),
        (
            {
                "_SYSTEMD_UNIT": "init.scope",
                "_PID": "1",
                "UNIT": WORKER,
                "MESSAGE": "Main process exited",
            },
            "worker.1",
            "worker",
            b"systemd: Main process exited",
        ),
        (
            {"_SYSTEMD_UNIT": WORKER, "MESSAGE": ["one", [255, 10], "two"]},
            "worker.1",
            "worker",
            b"one \xff\n two",
        ),
        (
            {
                "_SYSTEMD_UNIT": WORKER,
                "OBJECT_SYSTEMD_UNIT": "ship-shop.web@a.service",
                "MESSAGE": "said by itself",
            },
            "worker.1",
            "worker",
            b"said by itself",
        ),
        (
            {
                "_TRANSPORT": "driver",
                "OBJECT_SYSTEMD_UNIT": WORKER,
                "MESSAGE_ID": DROPPED,
                "MESSAGE": "Suppressed 9 messages",
            },
            "worker.1",
            "worker",
            (b"systemd: Suppressed 9 messages"),
        ),
    ],
)
def test_an_entry_is_a_line_of_a_process(
    fields: dict[str, object], process: str, part: str, text: bytes
) -> None:
    found = entry_of(entry(**fields))
    assert found is not None
    line = found.line
    assert (line.at_us, line.source, line.process, line.text) == (
        1_769_847_300_123_456,
        "app",
        process,
        text,
    )
    assert (found.part, found.cursor) == (part, "s=1")
    assert found.said_by_systemd == ("UNIT" in fields)


@pytest.mark.parametrize(
    "unit",
    ["", "ssh.service", "ship-http.service", "ship-blog.build-1a2b.service", "x.web@a.service"],
)
def test_what_is_of_no_process_of_an_app_is_no_line(unit: str) -> None:
    assert entry_of(entry(_SYSTEMD_UNIT=unit, MESSAGE="x")) is None
