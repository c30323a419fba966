"""What a swap serves, and what it loses: HUP in place and handover, for each kind of worker."""

import json
import os
import select
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest

from receiver.health import workers
from receiver.machine import proc
from receiver.model.program import KILLED_WORKERS
from tests.embedded.embedded_server import wait_until
from tests.embedded.runtime_fixtures import KINDS, site
from tests.embedded.runtime_site import Load, Site, nginx_before
from tests.needs import require_program
from tests.ports import free_port

pytestmark = pytest.mark.embedded
__all__ = ["site"]


@pytest.mark.parametrize("kind", KINDS)
def test_hup_loses_no_request_and_serves_each_release_in_turn(site: Site, kind: str) -> None:
    arguments, files = KINDS[kind]
    for version in (1, 2, 3):
        site.release(
            version, arguments=arguments, files=files, workers=2, env={"COLOR": f"c{version}"}
        )
    site.start("a", 1)
    master = site.masters["a"].pid
    front = free_port()
    with nginx_before(site, front, require_program("nginx")), Load(front) as load:
        for version in (2, 3, 1):
            site.hup("a", version)
            assert site.ask().split()[:3] == [f"v{version}", f"v{version}", f"c{version}"]
            assert site.ask().endswith(f"/releases/v{version}/source")
            time.sleep(0.1)
    assert load.lost == []
    assert load.statuses[200] > 50
    assert site.masters["a"].pid == master
    assert {tuple(body.split()[:3]) for body in load.bodies} == {
        (f"v{version}", f"v{version}", f"c{version}") for version in (1, 2, 3)
    }


def test_one_worker_is_enough_to_answer_all_through_a_slow_boot(site: Site) -> None:
    for version in (1, 2):
        site.release(version, workers=1, env={"BOOT_S": "2"})
    site.start("a", 1)
    with Load(site.port, clients=2) as load:
        site.hup("a", 2)
    assert load.lost == []
    assert load.longest_s < 2  # gunicorn alone lets requests wait until the new worker is up


def test_handover_between_slots_loses_no_request(site: Site) -> None:
    for version in (1, 2, 3):
        site.release(version, workers=2)
    site.start("a", 1)
    with Load(site.port) as load:
        site.start("b", 2)
        assert site.stop("a") == 0
        assert site.ask().startswith("v2")
        site.start("a", 3)
        assert site.stop("b") == 0
        assert site.ask().startswith("v3")
    assert load.lost == []


def test_config_vars_come_exactly_and_go_again(site: Site) -> None:
    dump = (
        "import json, os\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    told = {k: v for k, v in os.environ.items() if k.startswith('MY_')}\n"
        "    return [json.dumps(told).encode()]\n"
    )
    first = {"MY_KEY": "-----\nline two\n", "MY_BYTES": "\udcff=é $X '\"\\", "MY_OLD": " padded "}
    second = {"MY_KEY": "", "MY_NEW": "here"}
    site.release(1, files={"app.py": dump}, env=first)
    site.release(2, files={"app.py": dump}, env=second)
    site.start("a", 1)
    assert json.loads(site.ask()) == first
    site.hup("a", 2)
    assert json.loads(site.ask()) == second
    site.hup("a", 1)
    assert json.loads(site.ask()) == first


def test_chdir_pythonpath_and_arguments_are_read_again(site: Site) -> None:
    tree = {"src/inside.py": "from app import app\n", "libs/late.py": "VALUE = 'lib'\n"}
    site.release(1, files=tree)
    site.release(2, app="app:app", files=tree, chdir="src", pythonpath=["../libs"], workers=3)
    site.start("a", 1)
    site.hup("a", 2)
    words = site.ask().split()
    assert words[1] == "lib"
    assert words[3].endswith("/v2/source/src")
    assert len(workers.ready_workers(site.run_dir("a"))) == 3
    site.hup("a", 1)
    assert site.ask().split()[1] == "v1"


def test_number_of_workers_scale_over_procfile_over_config_var(site: Site) -> None:
    site.release(1, env={"WEB_CONCURRENCY": "1"})
    site.release(2, env={"WEB_CONCURRENCY": "1"}, workers=3)
    site.release(3)

    def count(version: int) -> int:
        site.hup("a", version)
        return len(workers.ready_workers(site.run_dir("a")))

    site.start("a", 1)
    assert [count(1), count(2), count(3)] == [1, 3, 2]
    (site.home / "scale.json").write_text('{"web": 1}')
    assert count(2) == 1


OWN_FILE = """
import os, settings_of_mine
bind = "0.0.0.0:1"
preload_app = True
reload = True
pidfile = "pid"
daemon = True
errorlog = "/nowhere/error.log"
workers = settings_of_mine.WORKERS
raw_env = ["COLOR=file"]
told = os.environ["TOLD"]
def note(line):
    with open(told, "a") as out: out.write(line + " {release}\\n")
def on_starting(server): note("on_starting")
def on_reload(server): note("on_reload")
def when_ready(server): note("when_ready")
def pre_fork(server, worker): note("pre_fork")
def post_fork(server, worker): note("post_fork")
def post_worker_init(worker): note("post_worker_init")
def child_exit(server, worker): note("child_exit")
def worker_exit(server, worker): note("worker_exit")
"""


def test_own_gunicorn_file_counts_but_for_what_ship_decides(site: Site) -> None:
    told = site.home / "told"
    for version in (1, 2):
        own = OWN_FILE.replace("{release}", f"v{version}")
        count = f"WORKERS = {version}\n"
        files = {"gunicorn.conf.py": own, "settings_of_mine.py": count}
        site.release(version, files=files, env={"TOLD": str(told)})
    site.start("a", 1)
    assert site.ask().split()[2] == "file"
    site.hup("a", 2)
    assert len(workers.ready_workers(site.run_dir("a"))) == 2
    assert site.ask().split()[2] == "file"
    site.stop("a")
    lines = told.read_text().splitlines()
    assert lines[0] == "on_starting v1"
    assert {"when_ready v1", "pre_fork v1", "post_fork v1", "post_worker_init v1"} <= set(lines)
    begun = [lines.index(f"{hook} v2") for hook in ("on_starting", "pre_fork", "when_ready")]
    assert begun == sorted(begun)
    assert all(
        lines.count(f"{hook} v2") == 1 for hook in ("on_starting", "on_reload", "when_ready")
    )
    assert "ship: errorlog /nowhere/error.log cannot be written" in site.log("a")
    assert lines.count("post_worker_init v2") == 2
    assert {"worker_exit v1", "worker_exit v2"} <= set(lines)
    assert any(line.startswith("child_exit") for line in lines)


def test_canary_beside_a_slot_answers_on_a_socket_of_its_own(site: Site) -> None:
    site.release(1, workers=2)
    site.start("a", 1)
    unix = site.home / "run" / "canary.sock"
    canary = site.launch("b", 1, "--bind", f"unix:{unix}", "--workers", "1")
    site.served("b", 1)
    assert len(proc.children(canary.pid)) == 1
    assert unix.is_socket()
    assert site.stop("b") == 0
    assert not unix.exists()


def test_socket_handed_on_as_standard_input(site: Site) -> None:
    site.release(1, workers=1)
    site.launch("a", 1, "--fd", "0", stdin=site.listener.fileno())
    site.served("a", 1)
    assert site.ask().startswith("v1")
    (worker,) = proc.children(site.masters["a"].pid)
    assert Path(f"/proc/{worker}/fd/0").readlink() == Path(os.devnull)
    site.hup("a", 1)
    assert site.ask().startswith("v1")


def test_a_worker_that_is_hardly_forked_goes_when_it_is_told(site: Site) -> None:
    """Until its own handlers are in place it has the master's, which put a signal aside."""
    own = (
        "import time\ngraceful_timeout = 3600\ndef post_fork(server, worker):\n"
        "    open('forked', 'w').close()\n    time.sleep(600)\n"
    )
    site.release(1, files={"gunicorn.conf.py": own})
    site.start("a", 1, wait=False)
    wait_until(lambda: any(site.home.rglob("forked")), 20)
    site.masters["a"].send_signal(signal.SIGTERM)
    assert site.masters["a"].wait(30) == 0, site.log("a")


MAKES_TABLES = """
import os, sqlite3, time, app
db = sqlite3.connect(os.environ["DB"])
if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'pages'").fetchall():
    time.sleep(0.2)
    db.execute("CREATE TABLE pages (title TEXT)")
app = app.app
"""


@pytest.mark.parametrize("kind", ["sync", "gthread", "uvicorn"])
def test_the_first_worker_of_a_release_makes_its_tables_alone(site: Site, kind: str) -> None:
    """Started at once, the second would find a table that it has just seen missing."""
    arguments, files = KINDS[kind]
    for version in (1, 2, 3):
        site.release(
            version,
            app="tables:app",
            arguments=arguments,
            files={**files, "tables.py": MAKES_TABLES},
            env={"DB": str(site.home / f"db{version}")},
            workers=3,
        )
    site.start("a", 1)
    assert len(workers.ready_workers(site.run_dir("a"))) == 3
    for version in (2, 3):
        site.hup("a", version)
        assert site.ask().startswith(f"v{version}")
    assert "exists" not in site.log("a")


def test_a_start_is_over_when_every_worker_serves(site: Site) -> None:
    site.release(1, workers=4, env={"BOOT_S": "0.3"})
    site.start("a", 1)
    assert len(workers.ready_workers(site.run_dir("a"))) == 4


def test_a_first_worker_that_hangs_keeps_no_hup_waiting(site: Site) -> None:
    site.release(1, workers=2, env={"BOOT_S": "600"})
    site.release(2, workers=2)
    site.start("a", 1, wait=False)
    wait_until(lambda: bool(proc.children(site.masters["a"].pid)), 20)
    site.hup("a", 2)
    assert site.ask().startswith("v2")


def test_a_server_tells_that_it_had_to_kill_a_worker(site: Site) -> None:
    site.release(
        1, workers=1, env={"WORK_S": "600"}, files={"gunicorn.conf.py": "graceful_timeout = 1\n"}
    )
    site.start("a", 1)
    with socket.create_connection(("127.0.0.1", site.port)) as visitor:
        visitor.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert not select.select([visitor], [], [], 0.5)[0]
        assert site.stop("a") == KILLED_WORKERS
    assert "did not end in time, and were killed: 1." in site.log("a")


def test_a_dead_worker_is_replaced_and_its_word_removed(site: Site) -> None:
    site.release(1, workers=2)
    site.start("a", 1)
    master = site.masters["a"].pid
    dead = min(proc.children(master))
    os.kill(dead, signal.SIGKILL)
    while dead in workers.ready_workers(site.run_dir("a")):
        time.sleep(0.02)
    workers.wait_for_release(site.run_dir("a"), "v1", master_pid=master, limit_s=10, count=2)


def test_a_run_folder_that_was_swept_is_made_again(site: Site) -> None:
    site.release(1, workers=1)
    site.start("a", 1)
    shutil.rmtree(site.run_dir("a"))
    site.hup("a", 1)
    assert site.ask().startswith("v1")
