"""An app's jobs on a real systemd machine, and the walls between apps."""

import base64
import json
import os
import pty
import subprocess
import time

import pytest

from tests.vps.host_vps import (
    BLOG,
    DRIVER,
    GUNICORN,
    HERE,
    OTHER_PORT,
    PORT,
    PYTHON,
    Vps,
    blog_job,
    driver_argv,
    inside,
)
from tests.vps.laptop import Laptop


def test_a_job_gives_back_its_output_in_order_and_its_exit_status(vps: Vps) -> None:
    script = "for i in 1 2 3; do echo out $i; echo err $i >&2; done; exit 7"
    done = vps.job("sh", "-c", script)
    assert done.stdout == "".join(f"out {i}\nerr {i}\n" for i in (1, 2, 3))
    assert done.returncode == 7


def test_a_job_that_was_stopped_has_not_succeeded(vps: Vps) -> None:
    assert vps.job("sh", "-c", "kill -TERM $$").returncode == 143


def test_a_job_that_the_bus_was_lost_over_has_not_succeeded(vps: Vps) -> None:
    job = blog_job(("sh", "-c", "echo up; sleep 3; exit 7"), {})
    with subprocess.Popen(inside(vps, driver_argv("run", job)), stdout=subprocess.PIPE) as asking:
        assert asking.stdout is not None
        assert asking.stdout.readline() == b"up\n"
        vps.systemctl("kill", "--signal=KILL", "dbus.service")
        # systemd-run, which can no longer learn of the 7, says 0
        assert asking.wait(timeout=30) == 143


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
        vps.host("jobs.stop", "blog")
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
    done = vps.job(
        "sh",
        "-c",
        f"nice; touch x {BLOG}/cache/x {BLOG}/storage/x",
        name="build",
        writable=[f"{BLOG}/releases/v1/source", f"{BLOG}/cache"],
    )
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
            return any(
                "4714" in each.command and each.command.startswith("sleep")
                for each in vps.machine.processes()
            )

        vps.machine.wait_until(is_running, "runs the job")
        vps.machine.run(("kill", "-KILL", deploy))
        vps.machine.wait_until(lambda: not is_running(), "ends the job")
    assert vps.systemctl("list-units", "--all", "--no-legend", "ship-blog.build-*") == ""


@pytest.mark.usefixtures("vps")
def test_a_command_at_a_terminal_has_one_and_passes_its_status_on(laptop: Laptop) -> None:
    described = blog_job(
        ("sh", "-c", "tty; stty size; read x; echo got $x; exit 9"),
        {"tty": True, "name": "run", "env": {"TERM": "xterm"}},
    )
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
        "/usr/bin/python3",
        "probe.py",
        json.dumps(["blog", "blog-two", neighbours, closed]),
        name="build",
        config=f"{BLOG}/releases/v1/env.json",
        writable=[f"{BLOG}/releases/v1/source", f"{BLOG}/cache"],
    )
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
    # its own journal is its to write to, once something of the app has started it
    assert results.pop("own journal") in {"refused", "allowed: 'sent'"}
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


def read_until(fd: int, expected: bytes) -> bytes:
    seen = b""
    while expected not in seen:
        chunk = os.read(fd, 4096)
        assert chunk, seen
        seen += chunk
    return seen
