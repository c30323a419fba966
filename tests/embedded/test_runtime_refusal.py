"""A release that cannot boot: refused at a HUP, with the old one serving on; at a first start,
at once."""

import os
import signal
import time

import pytest

from receiver.health import workers
from receiver.machine import proc
from receiver.model.errors import SwapError
from tests.embedded.runtime_fixtures import KINDS, site
from tests.embedded.runtime_site import ASGI, LIMIT_S, WSGI, Load, Site

pytestmark = pytest.mark.embedded
__all__ = ["site"]

BROKEN: dict[str, dict[str, str]] = {
    "import error": {"app.py": "import nowhere\n"},
    "syntax error": {"app.py": "def\n"},
    "no app": {"app.py": "other = 1\n"},
    "exit 0 at import": {"app.py": "import sys; sys.exit(0)\n"},
    "exit 3 at import": {"app.py": "import sys; sys.exit(3)\n"},
    "base exception": {"app.py": "raise KeyboardInterrupt\n"},
    "thread left behind": {
        "app.py": (
            "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n1/0\n"
        )
    },
    "killed at import": {"app.py": "import os; os.kill(os.getpid(), 9)\n"},
    "gunicorn file raises": {"gunicorn.conf.py": "1/0\n"},
    "gunicorn file exits": {"gunicorn.conf.py": "raise SystemExit(0)\n"},
    "gunicorn file has a bad value": {"gunicorn.conf.py": "timeout = 'long'\n"},
    "gunicorn file names no worker": {"gunicorn.conf.py": "worker_class = 'no.Where'\n"},
    "hook raises in the worker": {"gunicorn.conf.py": "def post_fork(server, worker): 1/0\n"},
    "hook raises in the master": {"gunicorn.conf.py": "def pre_fork(server, worker): 1/0\n"},
    "hook raises at the reload": {"gunicorn.conf.py": "def on_reload(server): 1/0\n"},
}


@pytest.mark.parametrize("files", BROKEN.values(), ids=BROKEN)
def test_broken_release_is_refused_and_the_old_one_serves_on(
    site: Site, files: dict[str, str]
) -> None:
    site.release(1, workers=2, env={"COLOR": "red"})
    site.release(2, workers=3, env={"COLOR": "blue", "EXTRA": "1"}, files=files)
    site.start("a", 1)
    with Load(site.port, clients=2) as load:
        site.hup("a", 2, wait=False)
        with pytest.raises(SwapError) as refused:
            site.served("a", 2)
    assert refused.value.reason == "swap/boot-failed"
    assert refused.value.detail
    assert load.lost == []
    assert {body.split()[0] for body in load.bodies} == {"v1"}
    assert_whole(site)
    site.hup("a", 1)


def assert_whole(site: Site) -> None:
    """The master is as before the swap: a worker that it starts now is of v1 and has v1's config
    vars."""
    master = site.masters["a"].pid
    ready = workers.ready_workers(site.run_dir("a"))
    victim = min(set(ready) & proc.children(master))
    os.kill(victim, signal.SIGKILL)
    while victim in proc.children(master):
        time.sleep(0.02)
    workers.forget_last_swap(site.run_dir("a"))
    workers.wait_for_release(site.run_dir("a"), "v1", master_pid=master, limit_s=LIMIT_S, count=2)
    assert {site.ask().split()[2] for _ in range(4)} == {"red"}


@pytest.mark.parametrize("kind", ["asgi", "uvicorn"])
def test_failing_lifespan_is_refused(site: Site, kind: str) -> None:
    arguments, files = KINDS[kind]
    site.release(1, arguments=arguments, files=files)
    site.release(2, arguments=arguments, files=files, env={"LIFESPAN_FAILS": "1"})
    site.start("a", 1)
    site.hup("a", 2, wait=False)
    with pytest.raises(SwapError):
        site.served("a", 2)
    assert site.ask().startswith("v1")


def test_hanging_boot_is_refused_when_its_time_is_up(site: Site) -> None:
    site.release(1)
    site.release(2, env={"BOOT_S": "60"})
    site.start("a", 1, SHIP_BOOT_LIMIT_S="1")
    site.hup("a", 2, wait=False)
    with pytest.raises(SwapError) as refused:
        site.served("a", 2)
    assert "did not serve in time" in refused.value.detail
    site.hup("a", 1)


def test_release_that_is_gone_is_refused(site: Site) -> None:
    site.release(1)
    site.start("a", 1)
    site.hup("a", 99, wait=False)
    with pytest.raises(SwapError) as refused:
        site.served("a", 99)
    assert "release.json cannot be read" in refused.value.detail
    assert site.ask().startswith("v1")
    site.hup("a", 1)


def test_stop_is_heard_during_a_swap(site: Site) -> None:
    site.release(1)
    site.release(2, env={"BOOT_S": "60"})
    site.start("a", 1)
    serving = proc.children(site.masters["a"].pid)
    site.hup("a", 2, wait=False)
    while proc.children(site.masters["a"].pid) <= serving:
        time.sleep(0.02)
    begun = time.monotonic()
    assert site.stop("a") == 0
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("case", ["import error", "exit 0 at import", "gunicorn file raises"])
def test_first_start_of_a_broken_release_ends_at_once(site: Site, case: str) -> None:
    site.release(1, files=BROKEN[case])
    site.start("a", 1, wait=False)
    assert site.masters["a"].wait(LIMIT_S) != 0
    assert workers.boot_error(site.run_dir("a"))
    with pytest.raises(SwapError):
        site.served("a", 1)


ALONE = """
import fcntl, os
held = open(os.environ["STORE"], "w")
fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
"""


def test_start_of_which_one_worker_alone_can_serve_is_refused(site: Site) -> None:
    """A store with one writer: the second worker would be started again for ever."""
    site.release(1, files={"app.py": WSGI + ALONE}, env={"STORE": str(site.home / "s")}, workers=2)
    site.start("a", 1, wait=False)
    with pytest.raises(SwapError) as refused:
        site.served("a", 1)
    assert refused.value.reason == "swap/boot-failed"
    assert "BlockingIOError" in refused.value.detail
    assert site.masters["a"].poll() is None  # a boot of the machine has it serve what it can


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"app.py": "import nowhere\n"}, ("app.py", "No module named 'nowhere'")),
        ({"app.py": "def\n"}, ("app.py", "SyntaxError")),
        ({"app.py": "other = 1\n"}, ("Failed to find attribute 'app' in 'app'",)),
        ({"gunicorn.conf.py": "worker_class = 'no.Where'\n"}, ("worker_class no.Where", "'no'")),
        ({"gunicorn.conf.py": "timeout = 'long'\n"}, ("'long' of timeout",)),
        ({"gunicorn.conf.py": "1/0\n"}, ("gunicorn.conf.py", "ZeroDivisionError")),
    ],
)
def test_what_is_told_is_about_the_app(
    site: Site, files: dict[str, str], told: tuple[str, ...]
) -> None:
    site.release(1, files=files)
    site.start("a", 1, wait=False)
    assert site.masters["a"].wait(LIMIT_S) != 0
    error = workers.boot_error(site.run_dir("a")) or ""
    assert [word for word in told if word not in error] == []
    assert "receiver/runtime" not in error
    assert "gunicorn/arbiter.py" not in error


def test_app_that_stops_booting_later_keeps_its_server_trying(site: Site) -> None:
    flaky = WSGI + "if os.path.exists(os.environ['FLAG']): raise RuntimeError('no database')\n"
    flag = site.home / "flag"
    site.release(1, files={"app.py": flaky}, env={"FLAG": str(flag)}, workers=1)
    site.start("a", 1)
    flag.touch()
    (worker,) = proc.children(site.masters["a"].pid)
    os.kill(worker, signal.SIGKILL)
    while "no database" not in (workers.boot_error(site.run_dir("a")) or ""):
        time.sleep(0.05)
    flag.unlink()
    assert site.ask().startswith("v1")
    assert site.masters["a"].poll() is None


def test_asgi_app_is_not_ready_before_its_lifespan_is(site: Site) -> None:
    site.release(
        1, arguments=KINDS["uvicorn"][0], files={"app.py": ASGI}, env={"LIFESPAN_S": "0.6"}
    )
    begun = time.monotonic()
    site.start("a", 1)
    assert time.monotonic() - begun > 0.6
