"""Limits of process types: how they are typed, and the files by which systemd keeps them."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.hosts.systemd.host import SystemdHost
from receiver.hosts.systemd.limit_files import limit_files
from receiver.model.errors import UsageError
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.process_limits import Limit, parse_names, parse_wishes, shown_mib, size_bytes
from receiver.model.settings import App

BLOG = AppName("blog")
LAYOUT = Layout.vps()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("web.memory=256M", "web.cpu=50%"), {"web": {"memory": "256M", "cpu": "50%"}}),
        (("memory=2g", "cpu=0.5"), {"web": {"memory": "2G", "cpu": "50%"}}),
        (
            ("send-mail.memory=512MiB", "send-mail.cpu=2"),
            {"send-mail": {"memory": "512M", "cpu": "200%"}},
        ),
        (("worker.tasks=64",), {"worker": {"tasks": 64}}),
    ],
)
def test_limits_are_typed(words: tuple[str, ...], found: dict[str, Any]) -> None:
    assert parse_wishes(words) == found
    for fields in found.values():
        msgspec.convert(fields, Limit)


@pytest.mark.parametrize(
    "word",
    [
        "web.memory=256",
        "web.memory=8M",
        "web.memory=",
        "web.cpu=0%",
        "web.cpu=0",
        "web.cpu=half",
        "web.cpu=50",
        "web.tasks=1",
        "web.disk=1G",
        "memory",
        "web.memory 256M",
        "Web.memory=256M",
        "web.memory=256M;x",
    ],
)
def test_what_is_no_limit_is_refused(word: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_wishes((word,))
    assert refused.value.reason == "usage/bad-limit"
    assert "web.memory=256M" in refused.value.advice


def test_one_limit_or_all_of_a_type_are_taken_away() -> None:
    assert parse_names(("web.memory", "worker")) == [
        ("web", ("memory",)),
        ("worker", ("memory", "cpu", "tasks")),
    ]
    with pytest.raises(UsageError):
        parse_names(("web.disk",))


def test_sizes_are_read_and_shown() -> None:
    assert size_bytes("2G") == 2048 * 1024 * 1024
    assert shown_mib(size_bytes("96M") + 1000) == "96M"
    assert Limit(memory="1M").memory_bytes == 1024 * 1024


def test_a_limit_of_web_is_for_both_kinds_of_slots_and_one_of_a_worker_for_its_processes() -> None:
    limits = {"web": Limit(memory="256M", cpu="50%"), "send-mail": Limit(tasks=8)}
    found = {Path(file.path).parent.name: file.text for file in limit_files(LAYOUT, BLOG, limits)}
    assert set(found) == {
        "ship-blog.web@.service.d",
        "ship-blog.port@.service.d",
        "ship-blog.ps.send.mail@.service.d",
    }
    assert found["ship-blog.web@.service.d"] == (
        "# Written by ship: `ship limits:set` changes it.\n"
        "[Service]\nMemoryMax=256M\nCPUQuota=50%\nTasksMax=infinity\n"
    )
    assert "TasksMax=8\n" in found["ship-blog.ps.send.mail@.service.d"]


def test_a_limit_of_the_whole_app_is_of_its_slice() -> None:
    blog, my_blog = (
        limit_files(LAYOUT, AppName(app), {"*": Limit(cpu="50%", tasks=99)})[0]
        for app in ("blog", "my-blog")
    )
    assert Path(blog.path) == LAYOUT.units / "ship-blog.slice.d/90-ship-limits.conf"
    # a hyphen would make it a part of the slice of an app `my`
    assert Path(my_blog.path).parent.name == "ship-my.blog.slice.d"
    assert blog.text == my_blog.text
    assert blog.text.endswith("[Slice]\nMemoryMax=80%\nCPUQuota=50%\nTasksMax=99\n")


def test_limits_are_among_the_units_of_their_app_and_nothing_is_without() -> None:
    settings = App(port=1, port_a=2, port_b=3)
    host = SystemdHost(LAYOUT)
    without = host.unit_files(BLOG, settings)
    limited = msgspec.structs.replace(settings, limits={"web": Limit(cpu="50%")})
    assert len(host.unit_files(BLOG, limited)) == len(without) + 2
