"""The systemd host on a real machine: slots on a held socket, jobs, and the walls between apps."""

import base64
import json
import os
import pty
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.vps.inside import Completed
from tests.vps.laptop import Laptop
from tests.vps.machine import Machine

HERE, PACKAGE = Path(__file__).parent, Path(__file__).parents[2] / "receiver"
PYTHON = "/opt/ship/venv/bin/python"
DRIVER = "/opt/ship/host_driver.py"
BLOG = "/var/lib/ship/apps/blog"
GUNICORN = {"kind": "gunicorn", "app": "app:app"}
PORT, OTHER_PORT = 20_000, 20_010


class Vps:
    """A machine with ship's code on it, and what a test asks of its host."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def ask(self, command: str, *values: Any, timeout_s: float = 120) -> Any:
        argv = driver_argv(command, values)
        return json.loads(self.machine.run(argv, timeout_s=timeout_s).stdout)

    def host(self, method: str, app: str, *more: Any) -> Any:
        return self.ask("call", method, app, *more)

    def job(self, *argv: str, input: str | None = None, **values: Any) -> Completed:  # noqa: A002 - as run's
        described = blog_job(argv, values)
        return self.machine.run(driver_argv("run", described), check=False, input=input)

    def systemctl(self, *argv: str) -> str:
        return self.machine.run(("systemctl", *argv), check=False).stdout.strip()


def driver_argv(command: str, values: object) -> tuple[str, ...]:
    return (PYTHON, DRIVER, command, json.dumps(values))


def blog_job(argv: Sequence[str], values: dict[str, Any]) -> dict[str, Any]:
    return {"app": "blog", "argv": argv, "cwd": f"{BLOG}/releases/v1/source", **values}


def wsgi(version: int) -> dict[str, str]:
    lines = ("def app(environ, start_response):", "    start_response('200 OK', [])",
             f"    return [b'v{version}']", "")  # fmt: skip
    return {"app.py": "\n".join(lines)}


@pytest.fixture(scope="module")
def vps(machine: Machine) -> Vps:
    machine.run(("python3", "-m", "venv", "/opt/ship/venv"))
    pip = ("-m", "pip", "install", "-q", "--disable-pip-version-check")
    machine.run((PYTHON, *pip, "msgspec", "jinja2", "sh"), timeout_s=300)
    machine.copy_in(PACKAGE, "/opt/ship/src/receiver")
    machine.run("echo /opt/ship/src > $(echo /opt/ship/venv/lib/python3*/site-packages)/ship.pth")
    machine.copy_in(HERE / "host_driver.py", DRIVER)
    vps = Vps(machine)
    vps.ask("make_app", "blog", PORT)
    for version in (1, 2):
        vps.ask("make_release", "blog", version, GUNICORN, wsgi(version))
    machine.run(("python3", "-m", "venv", f"{BLOG}/venvs/x"))
    machine.run((f"{BLOG}/venvs/x/bin/python", *pip, "gunicorn"), timeout_s=300)
    return vps


@pytest.fixture
def serving(vps: Vps) -> Vps:
    """`blog` serves v1 from slot a, and slot b is free."""
    for slot in "ab":
        vps.host("stop", "blog", slot)
    vps.host("hold_socket", "blog")
    vps.ask("aim_slot", "blog", "a", 1)
    assert vps.host("start", "blog", "a") is None
    assert vps.ask("ask", PORT) == "v1"
    return vps


def test_systemd_has_nothing_to_say_against_the_units(vps: Vps) -> None:
    units = ("ship-blog.web.socket", "ship-blog.web.service", "ship-blog.web@a.service",
             "ship-blog.port@b.service")  # fmt: skip
    done = vps.machine.run(("systemd-analyze", "verify", *units))
    assert (done.stdout, done.stderr) == ("", "")


def test_an_account_is_made_once_and_removed_for_good(vps: Vps) -> None:
    longest = "a" * 27
    for _ in range(2):
        assert vps.host("create_account", longest) is None
    entry = vps.machine.run(("getent", "passwd", f"ship-{longest}")).stdout
    assert entry.strip().endswith(f":/var/lib/ship/apps/{longest}:/usr/sbin/nologin")
    for _ in range(2):
        assert vps.host("remove_account", longest) is None
    for table in ("passwd", "group"):
        assert vps.machine.run(("getent", table, f"ship-{longest}"), check=False).returncode == 2
    assert vps.host("owner", longest)["reason"] == "server/account-missing"


def test_no_request_is_lost_in_handovers_and_swaps_in_place(serving: Vps) -> None:
    result = serving.ask("swap_under_load", "blog", PORT, 3, timeout_s=300)
    assert set(result["answers"]) == {"v1", "v2"}, result
    assert sum(result["answers"].values()) > 100
    assert result["longest_s"] < 5


def test_requests_wait_while_no_slot_runs_and_start_none(serving: Vps) -> None:
    serving.host("stop", "blog", "a")
    waiting = subprocess.Popen(
        inside(serving, driver_argv("ask", [PORT, 30])), stdout=subprocess.PIPE, text=True
    )
    time.sleep(1)
    assert waiting.poll() is None
    assert [serving.host("main_pid", "blog", slot) for slot in "ab"] == [None, None]
    serving.host("start", "blog", "a")
    assert json.loads(waiting.communicate(timeout=30)[0]) == "v1"


def test_a_released_socket_refuses_and_can_be_held_again(serving: Vps) -> None:
    serving.host("stop", "blog", "a")
    for _ in range(2):
        assert serving.host("release_socket", "blog") is None
    refused = serving.machine.run(driver_argv("ask", [PORT]), check=False)
    assert "ConnectionRefusedError" in refused.stderr
    for _ in range(2):
        assert serving.host("hold_socket", "blog") is None
    serving.host("start", "blog", "a")
    assert serving.ask("ask", PORT) == "v1"


def test_a_crash_loop_neither_gives_up_nor_closes_the_socket(serving: Vps) -> None:
    serving.ask("make_release", "blog", 9, GUNICORN, {"app.py": "raise RuntimeError('broken')\n"})
    serving.ask("aim_slot", "blog", "a", 9)
    serving.machine.run(("kill", "-KILL", str(serving.host("main_pid", "blog", "a"))))
    count = ("show", "--value", "--property=NRestarts", "ship-blog.web@a.service")
    serving.machine.wait_until(lambda: int(serving.systemctl(*count)) >= 6, "restarts six times")
    assert serving.systemctl("is-active", "ship-blog.web.socket") == "active"
    assert any("broken" in line for line in serving.ask("logged", "blog"))
    serving.ask("aim_slot", "blog", "a", 1)
    assert serving.ask("ask", PORT, 30) == "v1"


def test_a_slot_that_cannot_start_is_an_error_with_its_last_words(serving: Vps) -> None:
    serving.ask("make_release", "blog", 8, GUNICORN, {})
    serving.machine.run(("rm", f"{BLOG}/releases/v8/env.json"))
    serving.ask("aim_slot", "blog", "b", 8)
    error = serving.host("start", "blog", "b")
    assert error["reason"] == "swap/did-not-start"
    assert "env.json cannot be read" in error["detail"]
    assert serving.systemctl("is-active", "ship-blog.web@b.service") == "inactive"


def test_a_command_binds_the_port_of_its_slot(serving: Vps) -> None:
    server = "python3 -m http.server $PORT --bind 127.0.0.1"
    serving.ask("make_release", "blog", 3, {"kind": "command", "command": server},
                {"index.html": "plain"})  # fmt: skip
    serving.ask("aim_slot", "blog", "b", 3)
    serving.host("start", "blog", "b")
    pid = serving.host("main_pid", "blog", "b")
    serving.machine.wait_until(lambda: "plain" in answer(serving, PORT + 1), "answers on port b")
    assert serving.ask("ask", PORT) == "v1"
    serving.host("stop", "blog", "b")
    assert not Path(f"/proc/{serving.machine.init_pid}/root/proc/{pid}").exists()
    assert serving.host("main_pid", "blog", "b") is None


def test_the_log_of_a_slot_is_what_it_wrote(serving: Vps) -> None:
    tree = {"app.py": "print('b was', 'here', flush=True)\n" + wsgi(6)["app.py"]}
    serving.ask("make_release", "blog", 6, GUNICORN, tree)
    serving.ask("aim_slot", "blog", "b", 6)
    serving.host("start", "blog", "b")
    serving.machine.wait_until(lambda: "b was here" in serving.ask("logged", "blog"), "logs")
    assert "b was here" in serving.ask("logged", "blog", "b")
    assert "b was here" not in serving.ask("logged", "blog", "a")


def test_a_log_is_followed_until_the_reader_goes(serving: Vps) -> None:
    following = subprocess.Popen(
        inside(serving, driver_argv("follow", ["blog", "followed"])),
        stdout=subprocess.PIPE,
        text=True,
    )
    tree = {"app.py": "print('followed', flush=True)\n" + wsgi(7)["app.py"]}
    serving.ask("make_release", "blog", 7, GUNICORN, tree)
    serving.ask("aim_slot", "blog", "b", 7)
    serving.host("start", "blog", "b")
    assert json.loads(following.communicate(timeout=30)[0]) == "followed"
    assert not [each for each in serving.machine.processes() if "--follow" in each.command]


def test_a_run_folder_is_the_slots_own_and_gone_when_it_stops(serving: Vps) -> None:
    listing = serving.machine.run(("stat", "-c", "%U %a", "/run/ship/apps/blog/web.a"))
    assert listing.stdout.split() == ["ship-blog", "700"]
    assert serving.machine.run(("ls", "/run/ship/apps/blog/web.a/ready")).stdout.split()
    serving.host("stop", "blog", "a")
    gone = serving.machine.run(("test", "-e", "/run/ship/apps/blog/web.a"), check=False)
    assert gone.returncode == 1


def test_a_running_slot_sees_and_writes_a_release_made_later(serving: Vps) -> None:
    writes = "import pathlib; pathlib.Path(__file__).with_name('db').write_text('kept')\n"
    tree = {"app.py": writes + wsgi(4)["app.py"]}
    serving.ask("make_release", "blog", 4, GUNICORN, tree)
    serving.ask("aim_slot", "blog", "a", 4)
    serving.host("reload", "blog", "a")
    serving.ask("until_answered", PORT, "v4")
    assert serving.machine.read(f"{BLOG}/releases/v4/source/db") == "kept"


def test_the_boot_brings_back_the_enabled_slot_and_no_other(serving: Vps) -> None:
    serving.ask("aim_slot", "blog", "b", 2)
    serving.host("enable", "blog", "a")
    serving.host("enable", "blog", "b")
    serving.machine.reboot()
    serving.machine.wait_until(lambda: answer(serving, PORT) == "v2", "serves v2")
    assert serving.host("main_pid", "blog", "a") is None
    serving.host("enable", "blog", None)
    serving.machine.reboot()
    assert serving.host("main_pid", "blog", "b") is None
    assert serving.systemctl("is-active", "ship-blog.web.socket") == "active"


def test_recovery_at_boot_may_start_a_slot_without_waiting_for_itself(serving: Vps) -> None:
    unit = "/etc/systemd/system/ship-recover.service"
    link = "/etc/systemd/system/multi-user.target.wants/ship-recover.service"
    asks = f'ExecStart={PYTHON} {DRIVER} call \'["start", "blog", "b"]\''
    serving.ask("aim_slot", "blog", "b", 2)
    serving.host("enable", "blog", "a")
    serving.machine.write(unit, f"[Service]\nType=oneshot\nTimeoutStartSec=20\n{asks}\n")
    serving.machine.run(("ln", "-s", unit, link))
    serving.machine.reboot()
    result = serving.systemctl("show", "--value", "--property=Result", "ship-recover.service")
    serving.machine.run(("rm", link, unit))
    assert result == "success"
    for slot in "ab":
        serving.machine.wait_until(lambda slot=slot: serving.host("main_pid", "blog", slot), "runs")  # type: ignore[misc] # bound now
    serving.host("enable", "blog", None)
    serving.machine.run(("systemctl", "daemon-reload"))


def test_going_over_to_the_other_kind_of_slot_leaves_one_enabled(serving: Vps) -> None:
    serving.ask("make_release", "blog", 3, {"kind": "command", "command": "sleep 1"}, {})
    serving.host("enable", "blog", "a")
    serving.ask("aim_slot", "blog", "b", 3)
    serving.host("enable", "blog", "b")
    assert serving.systemctl("is-enabled", "ship-blog.port@b.service") == "enabled"
    links = "ls /etc/systemd/system/multi-user.target.wants | grep ship-"
    assert serving.machine.run(links).stdout.split() == ["ship-blog.port@b.service"]
    serving.host("enable", "blog", None)
    assert serving.machine.run(links, check=False).stdout == ""


def test_a_job_gives_back_its_output_in_order_and_its_exit_status(vps: Vps) -> None:
    script = "for i in 1 2 3; do echo out $i; echo err $i >&2; done; exit 7"
    done = vps.job("sh", "-c", script)
    assert done.stdout == "".join(f"out {i}\nerr {i}\n" for i in (1, 2, 3))
    assert done.returncode == 7


def test_a_job_gets_its_arguments_as_they_stand(vps: Vps) -> None:
    words = ["$HOME", "${HOME}", "$$", "%h%%", 'a "b"', "c\\n", "", "ä", "'"]
    assert vps.job("printf", "%s|", *words).stdout == "|".join([*words, ""])


def test_a_job_has_its_config_vars_and_nobody_else_sees_them(vps: Vps) -> None:
    config = f"{BLOG}/releases/v1/env.json"
    done = vps.job("sh", "-c", "echo $SECRET $PLAIN $HOME", config=config, env={"PLAIN": "yes"})
    assert done.stdout == "secret of blog yes /tmp\n"
    job = blog_job(("sleep", "5"), {"config": config, "name": "watched"})
    with subprocess.Popen(inside(vps, driver_argv("run", job))) as running:
        pattern = "ship-blog.watched-*.service"
        vps.machine.wait_until(lambda: "watched" in vps.systemctl("list-units", pattern), "runs")
        seen = vps.systemctl("show", pattern) + vps.machine.run(("ps", "axww")).stdout
        vps.host("stop_jobs", "blog")
        running.wait(timeout=30)
    assert "ship-blog.watched" in seen
    assert "secret of blog" not in seen


def test_a_job_that_takes_too_long_is_stopped_with_all_it_started(vps: Vps) -> None:
    started = time.monotonic()
    done = vps.job("sh", "-c", "sleep 4712 & sleep 4712", limit_s=1)
    assert done.returncode == 124
    assert time.monotonic() - started < 30
    assert not [each for each in vps.machine.processes() if "4712" in each.command]


def test_what_goes_into_a_job_comes_out_unchanged(vps: Vps) -> None:
    data = os.urandom(300_000)
    text = base64.b64encode(data).decode()
    described = json.dumps(blog_job(("sh", "-c", "cat"), {}))
    script = f"base64 -d | {PYTHON} {DRIVER} run '{described}' | base64 -w0"
    assert base64.b64decode(vps.machine.run(script, input=text).stdout) == data


def test_a_job_in_the_background_is_stopped_with_its_children(vps: Vps) -> None:
    described = blog_job(("sh", "-c", "echo up; sleep 4713 & sleep 4713"), {"name": "canary"})
    argv = driver_argv("spawn", {"log": "/tmp/canary.log", **described})
    before, after = json.loads(vps.machine.run(argv).stdout)
    assert before is None
    assert after is not None
    assert vps.machine.read("/tmp/canary.log").startswith("up\n")
    assert not [each for each in vps.machine.processes() if "4713" in each.command]


def test_a_build_writes_where_it_may_and_is_a_low_priority(vps: Vps) -> None:
    done = vps.job("sh", "-c", f"nice; touch x {BLOG}/cache/x {BLOG}/storage/x", name="build",
                   writable=[f"{BLOG}/releases/v1/source", f"{BLOG}/cache"])  # fmt: skip
    assert done.stdout.splitlines()[0] == "10"
    assert "cannot touch '/var/lib/ship/apps/blog/storage/x': Read-only" in done.stdout
    assert vps.machine.run(("stat", "-c", "%U", f"{BLOG}/cache/x")).stdout == "ship-blog\n"


def test_a_detached_process_outlives_the_ssh_session(vps: Vps, laptop: Laptop) -> None:
    line = " ".join((PYTHON, DRIVER, "run_detached", "'[\"outlives\", 3]'"))
    with subprocess.Popen(
        (*laptop.ssh_argv(), "root@vps", f"sudo {line}"), stdout=subprocess.PIPE, text=True
    ) as client:
        assert client.stdout is not None
        pid = client.stdout.readline().strip()
        client.kill()
    cgroup = vps.machine.run(("cat", f"/proc/{pid}/cgroup")).stdout
    assert "ship-deploy.outlives.scope" in cgroup
    done = ("cat", "/tmp/outlives")
    vps.machine.wait_until(
        lambda: vps.machine.run(done, check=False).stdout == "done", "writes its file"
    )


def test_a_job_ends_with_the_deploy_that_started_it(vps: Vps) -> None:
    job = blog_job(("sleep", "4714"), {"name": "build"})
    argv = driver_argv("run_detached", ["killed", 0, job])
    with subprocess.Popen(inside(vps, argv), stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        deploy = asking.stdout.readline().strip()

        def is_running() -> bool:
            return any("4714" in each.command and each.command.startswith("sleep")
                       for each in vps.machine.processes())  # fmt: skip

        vps.machine.wait_until(is_running, "runs the job")
        vps.machine.run(("kill", "-KILL", deploy))
        vps.machine.wait_until(lambda: not is_running(), "ends the job")
    assert vps.systemctl("list-units", "--all", "--no-legend", "ship-blog.build-*") == ""


@pytest.mark.usefixtures("vps")
def test_a_command_at_a_terminal_has_one_and_passes_its_status_on(laptop: Laptop) -> None:
    described = blog_job(("sh", "-c", "tty; stty size; read x; echo got $x; exit 9"),
                         {"tty": True, "name": "run", "env": {"TERM": "xterm"}})  # fmt: skip
    line = f"{PYTHON} {DRIVER} attach '{json.dumps(described)}'"
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        (*laptop.ssh_argv(), "-tt", "root@vps", line), stdin=terminal, stdout=terminal
    ) as client:
        os.close(terminal)
        seen = read_until(controller, b"/dev/pts/")
        os.write(controller, b"hello\n")
        seen += read_until(controller, b"got hello")
        assert client.wait(timeout=30) == 9
    os.close(controller)


@pytest.mark.usefixtures("vps")
def test_a_command_without_a_terminal_keeps_its_streams_apart(laptop: Laptop) -> None:
    described = blog_job(("sh", "-c", "cat; echo oops >&2; exit 4"), {"tty": False, "name": "run"})
    line = f"{PYTHON} {DRIVER} attach '{json.dumps(described)}'"
    done = laptop.ssh("root@vps", line, input="a\r\n\x03\x04b\n", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (4, "a\n\x03\x04b\n", "oops\n")


@pytest.fixture(scope="module")
def neighbours(vps: Vps) -> int:
    """`blog-two` runs beside `blog`, with things worth stealing; returns its main process."""
    vps.ask("make_app", "blog-two", OTHER_PORT)
    sleeper = {"kind": "command", "command": "sleep 3600"}
    vps.ask("make_release", "blog-two", 1, sleeper, {"app.py": "secret"})
    vps.machine.run(
        "cd /var/lib/ship; install -d repos/blog.git repos/blog-two.git /etc/ship/keys;"
        "for at in repos/blog.git/HEAD repos/blog-two.git/HEAD /etc/ship/keys/laptop"
        " apps/blog/config.json apps/blog-two/config.json apps/blog-two/storage/file;"
        "do echo secret > $at; done; chmod 600 apps/*/config.json"
    )
    vps.ask("aim_slot", "blog-two", "a", 1)
    assert vps.host("start", "blog-two", "a") is None
    pid = vps.host("main_pid", "blog-two", "a")
    assert isinstance(pid, int)
    return pid


def test_a_build_cannot_reach_another_app_nor_ship(vps: Vps, neighbours: int) -> None:
    vps.machine.copy_in(HERE / "isolation_probe.py", f"{BLOG}/releases/v1/source/probe.py")
    closed = [f"{BLOG}/storage/probe", f"{BLOG}/releases/v2/source/probe", f"{BLOG}/venvs/probe"]
    done = vps.job(
        "/usr/bin/python3", "probe.py", json.dumps(["blog", "blog-two", neighbours, closed]),
        name="build", config=f"{BLOG}/releases/v1/env.json",
        writable=[f"{BLOG}/releases/v1/source", f"{BLOG}/cache"],
    )  # fmt: skip
    expect_refusals(json.loads(done.stdout), own="secret of blog")


def test_a_running_app_cannot_reach_another_app_nor_ship(serving: Vps, neighbours: int) -> None:
    tree = {
        "app.py": "from probe import app\n",
        "probe.py": (HERE / "isolation_probe.py").read_text(),
    }
    closed = [f"{BLOG}/venvs/probe", f"{BLOG}/cache/probe"]
    tried = json.dumps(json.dumps(["blog", "blog-two", neighbours, closed]))
    tree = {
        "app.py": f"import os\nos.environ['PROBE'] = {tried}\nfrom probe import app\n",
        "probe.py": (HERE / "isolation_probe.py").read_text(),
    }
    serving.ask("make_release", "blog", 5, GUNICORN, tree)
    serving.ask("aim_slot", "blog", "b", 5)
    serving.host("stop", "blog", "a")
    serving.host("start", "blog", "b")
    expect_refusals(json.loads(serving.ask("ask", PORT)), own="secret of blog")


def expect_refusals(results: dict[str, str], own: str) -> None:
    assert results.pop("own secret") == own
    assert len(results) > 35
    assert {what: came for what, came in results.items() if came != "refused"} == {}


def test_the_probe_does_reach_what_is_not_closed(vps: Vps, neighbours: int) -> None:
    """Without the sandbox and as root, nearly all of it works: so a refusal means something."""
    asked = json.dumps(["blog", "blog-two", neighbours, []])
    probe = f"{BLOG}/releases/v1/source/probe.py"
    vps.machine.copy_in(HERE / "isolation_probe.py", probe)
    results = json.loads(vps.machine.run(("python3", probe, asked)).stdout)
    refused = [what for what, came in results.items() if came == "refused"]
    assert len(refused) < 8, refused


def inside(vps: Vps, argv: Sequence[str]) -> tuple[str, ...]:
    """A command line that runs in the machine, for a test that does something meanwhile."""
    return ("nsenter", "-t", str(vps.machine.init_pid), "-m", "-u", "-i", "-n", "-p", "-C", "--",
            *argv)  # fmt: skip


def answer(vps: Vps, port: int) -> str:
    done = vps.machine.run(driver_argv("ask", [port, 2]), check=False)
    return json.loads(done.stdout) if done.returncode == 0 else ""


def read_until(fd: int, expected: bytes) -> bytes:
    seen = b""
    while expected not in seen:
        chunk = os.read(fd, 4096)
        assert chunk, seen
        seen += chunk
    return seen
