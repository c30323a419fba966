"""The programs supervisord gets for an app, read back by supervisord's own reader."""

import shlex
from pathlib import Path

import pytest
from supervisor.options import UnhosedConfigParser

from receiver.hosts.supervisord.programs import (
    Launcher,
    check_root,
    held_process,
    holder_process,
    own_port_process,
    program_file,
)
from receiver.model.errors import UsageError
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.settings import App

ROOT = Path("/srv/my ship")
LAUNCHER = Launcher(Path("/opt/my ship/bin/python"), Path("/opt/my ship/launch.py"))
SETTINGS = App(port=20_000, port_a=20_001, port_b=20_002, graceful_limit_s=45)


def sections(app: str) -> UnhosedConfigParser:
    parser = UnhosedConfigParser()
    parser.expansions = {}
    parser.read_string(program_file(Layout.embedded(ROOT), AppName(app), SETTINGS, LAUNCHER).text)
    return parser


def test_an_app_has_a_held_socket_and_two_slots_of_its_own_port() -> None:
    assert sections("blog").sections() == ["fcgi-program:blog", "program:blog.a", "program:blog.b"]


def test_slots_are_numbers_that_read_as_letters() -> None:
    held = sections("blog")["fcgi-program:blog"]
    first, count = int(held["numprocs_start"]), int(held["numprocs"])
    letters = [held["process_name"] % {"process_num": n} for n in range(first, first + count)]
    assert [f"blog:{letter}" for letter in letters] == [
        held_process(AppName("blog"), "a"),
        held_process(AppName("blog"), "b"),
        holder_process(AppName("blog")),
    ]


def test_a_path_with_a_space_stays_one_word() -> None:
    words = shlex.split(sections("blog")["program:blog.b"]["command"])
    assert words[0] == "/opt/my ship/bin/python"
    assert words[-2:] == ["--port", "20002"]
    assert words[words.index("--run") + 1] == "/srv/my ship/run/apps/blog/web.b"


@pytest.mark.parametrize("section", ["fcgi-program:blog", "program:blog.a", "program:blog.b"])
def test_every_slot_is_stopped_gracefully_and_started_by_ship_alone(section: str) -> None:
    values = sections("blog")[section]
    assert values["autostart"] == "false"
    assert values["stopsignal"] == "TERM"
    assert int(values["stopwaitsecs"]) == 50
    assert values["killasgroup"] == "true"


def test_apps_whose_names_begin_alike_share_no_process() -> None:
    names = [
        name(AppName(app), "a")
        for app in ("blog", "blog2", "blog-a")
        for name in (held_process, own_port_process)
    ]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", ["a;b", "a'b", 'a"b', "a#b", "a%b", "a$b", "a{b", "a\nb", "a\\b"])
def test_a_folder_that_cannot_be_written_down_is_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_root(Path("/srv") / name)
    assert caught.value.reason == "usage/bad-root"


def test_ordinary_folders_are_not() -> None:
    for name in ("my ship", "ship-2.0", "schiff_über", "a+b@c~d"):
        check_root(Path("/srv") / name)
