"""The embedded host on a real supervisord: slots, handover, crashes, jobs, start and stop."""

import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from receiver.health import workers
from receiver.hosts.jobs import Job, JobTimeoutError
from receiver.hosts.supervisord.host import enabled_slot
from receiver.hosts.supervisord.programs import holder_process
from receiver.machine import proc
from receiver.model.errors import ServerError, SwapError, UsageError
from receiver.model.layout import SlotLetter
from receiver.model.names import AppName
from receiver.setup import embedded
from tests.embedded.by_hand import BINDS_ITSELF, OWN, gunicorn
from tests.embedded.embedded_server import (
    DOMAIN,
    EmbeddedServer,
    Load,
    embedded_server,
    short_folder,
    wait_until,
    with_settings,
)
from tests.needs import require_program
from tests.ports import free_port

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as running:
        yield running


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def job(server: EmbeddedServer, *argv: str, limit_s: float | None = 20) -> Job:
    app = AppName("jobs")
    return Job(app=app, argv=argv, cwd=server.root, limit_s=limit_s)


def test_handover_and_hup_under_load_lose_nothing(server: EmbeddedServer) -> None:
    app = server.serve("swap")
    for version in (2, 3, 4):
        server.release(app, version, gunicorn())
    with Load(server, app) as load:
        time.sleep(0.3)
        server.aim(app, "b", 2)
        server.host.start(app, "b")
        server.host.stop(app, "a")
        server.aim(app, "a", 3)
        server.host.start(app, "a")
        server.host.stop(app, "b")
        pid = server.host.main_pid(app, "a")
        assert pid is not None
        server.aim(app, "a", 4)
        server.host.reload(app, "a")
        run = server.layout.app(app).slot_run("a")
        workers.wait_for_release(run, "v4", master_pid=pid, limit_s=30)
        wait_until(lambda: server.ask(app) == (200, "v4"))
    assert load.lost == {}
    assert sum(load.answers.values()) > 100
    assert {body for _, body in load.answers} >= {"v1", "v2", "v3"}
    assert server.host.main_pid(app, "a") == pid


def test_visitors_wait_while_a_crashed_process_is_started_again(server: EmbeddedServer) -> None:
    app = server.serve("crash")
    with Load(server, app) as load:
        time.sleep(1.2)  # supervisord takes a process that lived for a second for a healthy one
        pid = server.host.main_pid(app, "a")
        assert pid is not None
        os.killpg(pid, signal.SIGKILL)
        wait_until(lambda: server.host.main_pid(app, "a") not in {None, pid})
        wait_until(lambda: server.ask(app) == (200, "v1"))
    # a request that a killed worker had taken cannot be saved; those that came afterwards waited
    assert sum(load.lost.values()) <= 3


def test_nobody_is_refused_while_no_slot_runs(server: EmbeddedServer) -> None:
    app = server.serve("wait")
    server.host.stop(app, "a")
    with Load(server, app, clients=2) as load:
        time.sleep(0.5)
        server.host.start(app, "a")
        wait_until(lambda: sum(load.answers.values()) > 5)
    assert load.lost == {}
    assert load.longest_s > 0.5


def test_a_slot_that_is_just_ending_is_started_once_it_has_ended(server: EmbeddedServer) -> None:
    """A deploy that is killed while it stops the old slot is undone by starting that again."""
    app = server.app("turned")
    slow = "import signal, sys, time\nsignal.signal(15, lambda *_: (time.sleep(1), sys.exit()))\n"
    server.release(app, 1, OWN, slow + BINDS_ITSELF)
    server.aim(app, "a", 1)
    server.host.start(app, "a")
    pid = server.host.main_pid(app, "a")
    supervisor, process = server.host._supervisor, server.host._process_for(app, "a")
    supervisor.call("stopProcess", process, False)
    assert supervisor.state(process).name == "STOPPING"
    server.host.start(app, "a")
    assert server.host.main_pid(app, "a") not in {None, pid}


def test_a_released_socket_listens_no_more(server: EmbeddedServer) -> None:
    app = server.serve("gone")
    port = server.settings(app).port
    server.host.release_socket(app)
    assert server.ask(app)[0] == 200
    server.host.stop(app, "a")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    server.host.hold_socket(app)
    socket.create_connection(("127.0.0.1", port)).close()


def test_a_server_that_binds_its_own_port_moves_to_the_other_slot(server: EmbeddedServer) -> None:
    app = server.app("own")
    release = server.release(app, 1, OWN, BINDS_ITSELF)
    server.release(app, 2, OWN, BINDS_ITSELF)
    settings = server.settings(app)
    ports: dict[SlotLetter, int] = {"a": settings.port_a, "b": settings.port_b}
    for version, (slot, port) in enumerate(ports.items(), start=1):
        server.aim(app, slot, version)
        server.host.start(app, slot)
        _await_listener(port)
        server.route(app, release, slot)
        assert server.ask(app) == (200, f"own {port}")
    pid = server.host.main_pid(app, "b")
    assert pid is not None
    server.host.stop(app, "a")
    server.host.stop(app, "b")
    assert server.host.main_pid(app, "b") is None
    assert not runs(pid)
    assert not _listens(settings.port_b)


def _await_listener(port: int) -> None:
    wait_until(lambda: _listens(port))


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_slot_that_does_not_start_says_why_and_is_not_tried_again(server: EmbeddedServer) -> None:
    app = server.app("broken")
    server.release(app, 1, gunicorn(), "raise RuntimeError('the reason why')\n")
    server.aim(app, "a", 1)
    server.host.hold_socket(app)
    with pytest.raises(SwapError) as caught:
        server.host.start(app, "a")
    assert caught.value.reason == "swap/did-not-start"
    assert "the reason why" in caught.value.detail
    assert server.host.main_pid(app, "a") is None
    time.sleep(1.5)
    assert server.host.main_pid(app, "a") is None


def test_starting_twice_is_starting_once(server: EmbeddedServer) -> None:
    app = server.serve("twice")
    pid = server.host.main_pid(app, "a")
    server.host.start(app, "a")
    server.host.hold_socket(app)
    assert server.host.main_pid(app, "a") == pid
    server.host.stop(app, "b")
    server.host.reload(app, "b")


def test_only_changed_programs_are_touched(server: EmbeddedServer) -> None:
    kept, changed = server.serve("kept"), server.serve("changed")
    before = server.host.main_pid(kept, "a"), server.host.main_pid(changed, "a")
    with_settings(server, changed, graceful_limit_s=9)
    server.write_units(changed)
    server.host.refresh()
    assert server.host.main_pid(kept, "a") == before[0]
    assert server.host.main_pid(changed, "a") not in {None, before[1]}
    wait_until(lambda: server.ask(changed) == (200, "v1"))
    (server.layout.units / f"{changed}.conf").unlink()
    server.host.refresh()
    assert server.host.main_pid(changed, "a") is None
    assert server.host.main_pid(kept, "a") == before[0]


def test_an_app_whose_port_is_taken_keeps_nobody_back(server: EmbeddedServer) -> None:
    app = server.app("late")
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        with_settings(server, app, port=taken.getsockname()[1])
        server.write_units(app)
        other = server.serve("meanwhile")
        assert server.ask(other) == (200, "v1")
        with pytest.raises(ServerError) as caught:
            server.host.hold_socket(app)
        assert caught.value.reason == "server/port-in-use"
        assert f"process {os.getpid()}" in caught.value.detail
    server.host.refresh()
    server.host.hold_socket(app)


def test_an_app_without_programs_is_an_error(server: EmbeddedServer) -> None:
    app = server.app("bare")
    (server.layout.units / f"{app}.conf").unlink()
    server.host.refresh()
    with pytest.raises(ServerError) as caught:
        server.host.hold_socket(app)
    assert caught.value.reason == "server/supervisor-refused"


def test_the_log_holds_what_the_app_wrote(server: EmbeddedServer) -> None:
    app = server.serve("logs")
    newest = list(islice(server.host.app_log(app).before(None), 3))
    assert len(newest) == 3
    assert any(b"Booting worker" in line.text for line in newest)
    assert abs(newest[0].at_us / 1_000_000 - time.time()) < 60
    assert list(server.host.app_log(AppName("none")).before(None)) == []


def test_the_log_is_followed_in_whichever_slot_it_goes_on(server: EmbeddedServer) -> None:
    app = server.serve("follow")
    server.release(app, 2, gunicorn())
    server.aim(app, "b", 2)
    log = server.host.app_log(app)
    positions = dict(log.end())
    server.host.start(app, "b")
    server.host.stop(app, "a")
    lines: list[bytes] = []

    def has_come(words: bytes) -> bool:
        for told in log.after(positions):
            positions[told.key] = told.position
            lines.append(told.line.text)
        return any(words in line for line in lines)

    wait_until(lambda: has_come(b"Booting worker"))
    wait_until(lambda: has_come(b"Handling signal: term"))
    assert len(set(lines)) == len(lines)


def test_slots_have_a_home_each_and_nothing_of_the_starter(server: EmbeddedServer) -> None:
    app = server.serve("homes")
    pid = server.host.main_pid(app, "a")
    environment = dict(
        entry.split("=", 1)
        for entry in Path(f"/proc/{pid}/environ").read_text().split("\0")
        if "=" in entry
    )
    assert environment["HOME"] == str(server.layout.app(app).slot_run("a"))
    assert not {"SUPERVISOR_ENABLED", "SUPERVISOR_SERVER_URL", "PYTEST_CURRENT_TEST"} & set(
        environment
    )


def test_a_job_hands_on_what_it_says_and_how_it_ended(server: EmbeddedServer) -> None:
    said: list[bytes] = []
    script = "echo one; echo two >&2; exit 7"
    assert server.host.jobs.run(job(server, "sh", "-c", script), said.append) == 7
    assert b"".join(said) == b"one\ntwo\n"


def test_a_job_inherits_nothing(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_MINE", "1")
    said: list[bytes] = []
    server.host.jobs.run(job(server, "env"), said.append)
    names = {line.partition(b"=")[0] for line in b"".join(said).splitlines()}
    assert names - {b"PWD", b"_", b"SHLVL"} == {b"PATH", b"HOME", b"LANG"}


def test_a_job_gets_its_config_vars_from_their_file(server: EmbeddedServer) -> None:
    config = server.root / "config.json"
    config.write_text('{"GREETING": "h\\u00e9 $HOME\\nthere"}')
    said: list[bytes] = []
    asked = job(server, "sh", "-c", 'printf %s "$GREETING"')
    server.host.jobs.run(
        Job(app=asked.app, argv=asked.argv, cwd=asked.cwd, config=config), said.append
    )
    assert b"".join(said).decode() == "hé $HOME\nthere"


def test_a_job_reads_what_it_is_given(server: EmbeddedServer) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"bytes \x00\xff")
    os.close(writing)
    said: list[bytes] = []
    server.host.jobs.run(job(server, "cat"), said.append, stdin=reading)
    os.close(reading)
    assert b"".join(said) == b"bytes \x00\xff"


@pytest.mark.parametrize(
    "script", ["sleep 60 & sleep 60", "yes", "trap '' TERM; while :; do sleep 1; done"]
)
def test_a_job_above_its_limit_ends_with_all_it_started(
    server: EmbeddedServer, script: str
) -> None:
    pid_file = server.root / "job.pid"
    asked = job(server, "sh", "-c", f'echo $$ > "{pid_file}"; {script}', limit_s=0.5)
    started = time.monotonic()
    with pytest.raises(JobTimeoutError):
        server.host.jobs.run(asked, lambda _: None)
    assert time.monotonic() - started < 30
    leader = int(pid_file.read_text())
    wait_until(lambda: not [pid for pid in proc.session(leader) if runs(pid)])


def test_a_job_ends_although_a_child_of_its_keeps_the_pipe(server: EmbeddedServer) -> None:
    started = time.monotonic()
    assert server.host.jobs.run(job(server, "sh", "-c", "sleep 30 & exit 3"), lambda _: None) == 3
    assert time.monotonic() - started < 5


def test_a_failing_listener_ends_the_job(server: EmbeddedServer) -> None:
    pids: list[int] = []

    def fails(said: bytes) -> None:
        pids.append(int(said))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        server.host.jobs.run(job(server, "sh", "-c", "echo $$; sleep 60"), fails)
    wait_until(lambda: not runs(pids[0]))


def test_a_background_job_writes_its_log_and_ends_when_told(server: EmbeddedServer) -> None:
    log = server.root / "background.log"
    running = server.host.jobs.spawn(job(server, "sh", "-c", "echo $$; sleep 60 & wait"), log)
    wait_until(lambda: log.read_text().strip().isdigit())
    assert running.poll() is None
    running.stop()
    leader = int(log.read_text())
    assert running.poll() is not None
    wait_until(lambda: not [pid for pid in proc.session(leader) if runs(pid)])
    running.stop()
    ended = server.host.jobs.spawn(job(server, "sh", "-c", "exit 4"), log)
    wait_until(lambda: ended.poll() == 4)


def test_jobs_whose_starter_was_killed_are_found_again(server: EmbeddedServer) -> None:
    log = server.root / "orphan.log"
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; import os, signal\n"
        "from receiver.hosts.jobs import Job; from receiver.hosts.supervisord.host import "
        "SupervisordHost\n"
        "from receiver.model.layout import Layout; from receiver.model.names import AppName\n"
        "root = Path(sys.argv[2])\n"
        "host = SupervisordHost(Layout.embedded(root))\n"
        "job = Job(app=AppName('jobs'), argv=('sh', '-c', 'echo $$; sleep 60 & wait'), cwd=root)\n"
        "host.jobs.spawn(job, root / 'orphan.log')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    checkout = str(Path(embedded.__file__).parents[2])
    starter = job(server, sys.executable, "-c", code, checkout, str(server.root))
    assert server.host.jobs.run(starter, lambda _: None) == -signal.SIGKILL
    wait_until(lambda: log.exists() and log.read_text().strip().isdigit())
    leader = int(log.read_text())
    assert runs(leader)
    server.host.jobs.stop(AppName("jobs"))
    wait_until(lambda: not [pid for pid in proc.session(leader) if runs(pid)])
    server.host.jobs.stop(AppName("jobs"))


def test_enabled_slots_are_started_with_the_server() -> None:
    with embedded_server() as server:
        app, other = server.serve("blog"), server.serve("other")
        server.host.enable(other, None)
        assert (enabled_slot(server.layout.app(app)), enabled_slot(server.layout.app(other))) == (
            "a",
            None,
        )
        pids = [found.pid for found in embedded.status(server.root).programs if found.pid]
        assert embedded.stop(server.root)
        assert not [pid for pid in pids if runs(pid)]
        assert embedded.status(server.root).pid is None
        assert not embedded.stop(server.root)
        assert server.host.main_pid(app, "a") is None
        server.host.refresh()  # with nothing running there is nothing to say
        with pytest.raises(ServerError) as caught:
            server.host.start(app, "a")
        assert caught.value.reason == "server/not-running"
        started = server.start()
        assert started.failures == ()
        wait_until(lambda: server.ask(app) == (200, "v1"))
        assert server.host.main_pid(other, "a") is None
        assert server.start().pid == started.pid


def test_one_app_that_does_not_start_does_not_keep_the_others_down() -> None:
    with embedded_server() as server:
        good, bad = server.serve("zz-good"), server.serve("aa-bad")
        embedded.stop(server.root)
        server.layout.app(bad).release(1).source.joinpath("app.py").write_text("1 / 0\n")
        started = server.start()
        assert [app for app, _ in started.failures] == [bad]
        wait_until(lambda: server.ask(good) == (200, "v1"))


def test_what_a_killed_supervisord_left_behind_is_ended_at_the_next_start() -> None:
    with embedded_server() as server:
        app = server.serve("blog")
        found = embedded.status(server.root)
        assert found.pid is not None
        left = [program.pid for program in found.programs if program.pid]
        os.kill(found.pid, signal.SIGKILL)
        wait_until(lambda: not runs(found.pid or 0))
        assert any(runs(pid) for pid in left)
        server.start()
        assert not [pid for pid in left if runs(pid)]
        wait_until(lambda: server.ask(app) == (200, "v1"))


def test_a_port_of_another_program_is_named() -> None:
    require_program("nginx")
    with short_folder() as folder, socket.create_server(("", 0)) as taken:
        embedded.create(folder / "ship", DOMAIN, taken.getsockname()[1])
        with pytest.raises(ServerError) as caught:
            embedded.start(folder / "ship")
    assert caught.value.reason == "server/port-in-use"
    assert f"process {os.getpid()}" in caught.value.detail


def test_an_apps_port_of_another_program_is_named() -> None:
    with embedded_server() as server:
        app = server.serve("blog")
        embedded.stop(server.root)
        with (
            socket.create_server(("127.0.0.1", server.settings(app).port)),
            pytest.raises(ServerError) as caught,
        ):
            server.start()
        assert caught.value.reason == "server/port-in-use"
        assert "the app blog" in caught.value.title


def test_a_folder_whose_sockets_would_have_too_long_names_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        embedded.create(Path("/tmp") / ("x" * 60), DOMAIN, 8080)
    assert caught.value.reason == "usage/root-too-long"


def test_making_a_server_twice_keeps_its_settings() -> None:
    require_program("nginx")
    with short_folder() as folder:
        layout = embedded.create(folder / "ship", DOMAIN, free_port())
        text = layout.server_settings.read_text()
        assert "keep_releases = 10\n" in text
        layout.server_settings.write_text(text.replace("keep_releases = 10", "keep_releases = 3"))
        embedded.create(folder / "ship", "other.test", 8080)
        settings = layout.server_settings.read_text()
        assert "keep_releases = 3" in settings
        assert 'domain = "other.test"' in settings
        assert (folder / "ship").stat().st_mode & 0o777 == 0o700


def test_nginx_missing_is_said_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with short_folder() as folder, pytest.raises(ServerError) as caught:
        embedded.create(folder / "ship", DOMAIN, 8080)
    assert caught.value.reason == "server/nginx-missing"
    assert "nginx" in caught.value.advice


def test_the_holder_is_a_tiny_process(server: EmbeddedServer) -> None:
    app = server.serve("tiny")
    state = server.host._supervisor.state(holder_process(app))
    status = Path(f"/proc/{state.pid}/status").read_text()
    (memory,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))
    assert memory < 1024
