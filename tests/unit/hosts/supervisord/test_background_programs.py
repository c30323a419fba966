"""The programs supervisord gets for processes besides web, read back by supervisord's own
reader."""

import shlex
from pathlib import Path

from supervisor.options import UnhosedConfigParser

from receiver.hosts.supervisord.background_programs import (
    instance_of,
    process_files,
    process_program,
)
from receiver.hosts.supervisord.programs import Launcher
from receiver.model.formation import Formation, Group, Instance
from receiver.model.layout import Layout
from receiver.model.names import AppName

ROOT = Path("/srv/my ship")
LAUNCHER = Launcher(Path("/opt/my ship/bin/python"), Path("/opt/my ship/launch.py"))
FORMATION: Formation = {
    "worker": Group(version=3, count=2, stop_signal="SIGQUIT", graceful_s=60),
    "send_mail": Group(version=3, count=1, shell=True),
}


def sections(formation: Formation) -> UnhosedConfigParser:
    parser = UnhosedConfigParser()
    parser.expansions = {}
    (file,) = process_files(Layout.embedded(ROOT), AppName("blog"), formation, LAUNCHER)
    parser.read_string(file.text)
    return parser


def test_each_process_is_a_program() -> None:
    assert sections(FORMATION).sections() == [
        "program:blog.ps.worker.1",
        "program:blog.ps.worker.2",
        "program:blog.ps.send_mail.1",
    ]
    assert process_files(Layout.embedded(ROOT), AppName("blog"), {}, LAUNCHER) == ()


def test_it_is_stopped_as_it_wants_and_never_given_up() -> None:
    worker = sections(FORMATION)["program:blog.ps.worker.2"]
    assert (worker["stopsignal"], worker["stopwaitsecs"]) == ("QUIT", "60")
    assert (worker["autorestart"], worker["startsecs"]) == ("true", "0")
    assert (worker["stopasgroup"], worker["killasgroup"]) == ("false", "true")
    assert sections(FORMATION)["program:blog.ps.send_mail.1"]["stopasgroup"] == "true"


def test_it_is_started_from_the_link_of_its_type() -> None:
    words = shlex.split(sections(FORMATION)["program:blog.ps.worker.2"]["command"])
    home, run = ROOT / "var/apps/blog", ROOT / "run/apps/blog"
    assert words[3:6] == ["/opt/my ship/launch.py", f"{home}/processes/worker", "worker"]
    assert words[words.index("--run") + 1] == f"{run}/ps.worker.2"
    assert words[words.index("--instance") + 1] == "2"
    assert "--port" not in words


def test_scaling_changes_no_other_program() -> None:
    more = {**FORMATION, "worker": Group(version=3, count=3, stop_signal="SIGQUIT", graceful_s=60)}
    before, after = sections(FORMATION), sections(more)
    assert all(dict(before[name]) == dict(after[name]) for name in before.sections())


def test_a_program_is_read_back_by_its_own_app_alone() -> None:
    for name in ("worker", "send_mail", "a-b"):
        program = process_program(AppName("blog"), Instance(name, 10))
        assert instance_of(AppName("blog"), program) == Instance(name, 10)
        assert instance_of(AppName("blog-2"), program) is None
    assert instance_of(AppName("blog"), "blog.a") is None
