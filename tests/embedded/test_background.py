"""Processes besides web on an embedded server: pushed, scaled, replaced, stopped, and ending
again and again."""

import json
from pathlib import Path

import pytest

from receiver.apps import lifecycle as apps
from receiver.apps import unfinished
from receiver.engine import background
from receiver.logs.stream import Wanted, recent
from receiver.model.errors import NotFoundError, ServerError, UsageError
from receiver.model.formation import Instance
from receiver.model.names import AppName
from receiver.processes import control
from receiver.processes import look as processes
from receiver.processes.control import Wish
from receiver.processes.look import Running
from receiver.setup import embedded
from tests.checkout import Checkout
from tests.embedded.embedded_server import EmbeddedServer, embedded_server, wait_until
from tests.embedded.pushing import wsgi

pytestmark = pytest.mark.embedded

WORKER = """
import os, signal, sys, time

def end(number, _):
    print("ends by", signal.Signals(number).name, flush=True)
    sys.exit(0)

for number in (signal.SIGTERM, signal.SIGQUIT):
    signal.signal(number, end)
NAMES = ("SHIP_PROCESS", "SHIP_INSTANCE", "PORT", "GREETING")
told = [os.environ.get(name, "none") for name in NAMES]
print("{text}", *told, os.path.basename(os.path.dirname(os.getcwd())), flush=True)
while True:
    time.sleep(600)
"""
PROCFILE = "web: gunicorn app:app\nworker: python worker.py\n"


def tree(text: str, procfile: str = PROCFILE) -> dict[str, str | None]:
    return {**wsgi(text), "worker.py": WORKER.replace("{text}", text), "Procfile": procfile}


@pytest.fixture(scope="module")
def server():
    with embedded_server() as found:
        yield found


class Pushed:
    """An app with a checkout."""

    def __init__(self, server: EmbeddedServer, name: str) -> None:
        self.server = server
        self.app: AppName = server.create(name)
        self.checkout: Checkout = server.checkout(name)

    def push(self, files: dict[str, str | None]) -> list[str]:
        self.checkout.commit(files)
        pushed = self.checkout.push()
        assert pushed.status == 0, pushed.text
        return pushed.lines

    def scale(self, **wanted: int) -> None:
        wishes = [Wish(name, "=", count) for name, count in wanted.items()]
        control.do(self.server.server, self.app, control.scaling(wishes))

    def look(self, process_type: str = "worker") -> tuple[Running, ...]:
        found = processes.look(self.server.server, self.app).types
        return next(each.running for each in found if each.type == process_type)

    def releases(self, process_type: str = "worker") -> list[tuple[str, str | None]]:
        """Names and releases of what runs, when it does."""
        assert processes.wait(self.server.server, self.app, 20) == []
        return [(each.name, each.release) for each in self.look(process_type)]

    def log(self, process: str) -> list[str]:
        lines = recent(self.server.server, self.app, Wanted(process=process), 1000)
        return [f"{line.name}: {line.text.decode()}" for line in lines]

    def has_written(self, process: str, line: str) -> None:
        wait_until(lambda: f"app[{process}]: {line}" in self.log(process))


@pytest.fixture
def shop(server: EmbeddedServer, request: pytest.FixtureRequest):
    name = "shop-" + request.node.name.replace("_", "-").removeprefix("test-")[:18].strip("-")
    made = Pushed(server, name.replace("--", "-"))
    yield made
    apps.destroy(server.server, made.app)


def test_a_worker_waits_for_its_scale_and_follows_each_release(shop: Pushed) -> None:
    lines = shop.push(tree("one"))
    assert "       No worker runs yet. To start one: ship ps:scale worker=1" in lines
    assert shop.look() == ()
    shop.scale(worker=2)
    assert shop.releases() == [("worker.1", "v1"), ("worker.2", "v1")]
    shop.has_written("worker.2", "one worker 2 none none v1")
    first = [each.pid for each in shop.look()]
    assert "       Now of v2: worker=2." in shop.push(tree("two"))
    assert shop.releases() == [("worker.1", "v2"), ("worker.2", "v2")]
    shop.has_written("worker.1", "ends by SIGTERM")
    shop.has_written("worker.1", "two worker 1 none none v2")
    assert not set(first) & {each.pid for each in shop.look()}
    shop.server.configure(shop.app, GREETING="hello")
    shop.has_written("worker.1", "two worker 1 none hello v3")
    shop.server.rollback(shop.app, 1)
    assert shop.releases() == [("worker.1", "v4"), ("worker.2", "v4")]
    shop.has_written("worker.1", "one worker 1 none none v4")


def test_scaling_leaves_the_others_alone(shop: Pushed) -> None:
    shop.push(tree("one", PROCFILE + "send_mail: python worker.py\nsend-mail: python worker.py\n"))
    shop.scale(worker=1, **{"send_mail": 1, "send-mail": 2})
    assert shop.releases("send-mail") == [("send-mail.1", "v1"), ("send-mail.2", "v1")]
    before = {name: shop.look(name)[0].pid for name in ("worker", "send_mail", "send-mail")}
    wishes = [Wish("worker", "+", 1), Wish("send-mail", "-", 1), Wish("web", "=", 1)]
    control.do(shop.server.server, shop.app, control.scaling(wishes))
    assert len(shop.releases()) == 2
    assert len(shop.releases("send-mail")) == 1
    assert {name: shop.look(name)[0].pid for name in before} == before
    assert processes.look(shop.server.server, shop.app).scale == {
        "web": 1,
        "worker": 2,
        "send_mail": 1,
        "send-mail": 1,
    }


def test_types_that_there_are_not_are_named(shop: Pushed) -> None:
    shop.push(tree("one", PROCFILE + "release: true\n"))
    with pytest.raises(NotFoundError) as caught:
        shop.scale(wroker=1)
    assert "web, worker" in caught.value.detail
    with pytest.raises(UsageError):
        shop.scale(release=1)
    with pytest.raises(UsageError):
        shop.scale(worker=65)
    with pytest.raises(NotFoundError):
        control.do(shop.server.server, shop.app, control.restarting("worker.1"))
    assert shop.look() == ()


def test_a_type_that_is_gone_is_stopped_and_comes_back_with_its_scale(shop: Pushed) -> None:
    shop.push(tree("one"))
    shop.scale(worker=1)
    assert shop.releases() == [("worker.1", "v1")]
    lines = shop.push(tree("two", "web: gunicorn app:app\n"))
    assert "       worker is in the Procfile no more; its processes are stopped." in lines
    assert running(shop) == set()
    assert not shop.server.paths(shop.app).formation.exists()
    shop.push(tree("three"))
    assert shop.releases() == [("worker.1", "v3")]


def test_stopped_stays_stopped_until_it_is_started(shop: Pushed) -> None:
    server = shop.server.server
    shop.push(tree("one", PROCFILE + "clock: python worker.py\n"))
    shop.scale(worker=1, clock=1)
    control.do(server, shop.app, control.stopping("worker"))
    assert running(shop) == {"clock.1"}
    shop.push(tree("two"))
    assert running(shop) == set()
    shop.push(tree("three", PROCFILE + "clock: python worker.py\n"))
    assert running(shop) == {"clock.1"}
    assert shop.server.ask(shop.app) == (200, "three")
    control.do(server, shop.app, control.stopping())
    assert running(shop) == set()
    assert shop.server.ask(shop.app)[0] == 503
    control.do(server, shop.app, control.starting("clock"))
    assert running(shop) == {"clock.1"}
    assert shop.server.ask(shop.app)[0] == 503
    control.do(server, shop.app, control.starting())
    assert running(shop) == {"clock.1", "worker.1"}
    assert shop.server.ask(shop.app) == (200, "three")


def test_one_process_is_restarted_alone(shop: Pushed) -> None:
    shop.push(tree("one"))
    shop.scale(worker=2)
    assert len(shop.releases()) == 2
    first, second = (each.pid for each in shop.look())
    control.do(shop.server.server, shop.app, control.restarting("worker.2"))
    assert len(shop.releases()) == 2
    assert [each.pid == was for each, was in zip(shop.look(), (first, second), strict=True)] == [
        True,
        False,
    ]


def test_its_own_signal_tells_it_to_end(shop: Pushed) -> None:
    shop.push(
        tree("one") | {"ship.toml": '[process.worker]\nstop_signal = "SIGQUIT"\ngraceful_s = 7\n'}
    )
    shop.scale(worker=1)
    shop.has_written("worker.1", "one worker 1 none none v1")
    shop.scale(worker=0)
    shop.has_written("worker.1", "ends by SIGQUIT")
    shop.scale(worker=1)
    programs = shop.server.layout.units / f"{shop.app}.ps.conf"
    assert "stopwaitsecs=7\n" in programs.read_text()


def test_one_that_ends_is_told_with_its_reason_and_started_less_and_less_often(
    shop: Pushed,
) -> None:
    shop.push(tree("one"))
    shop.scale(worker=1)
    broken = "import sys\nprint('no queue here', flush=True)\nsys.exit(3)\n"
    shop.push({"worker.py": broken})
    assert shop.server.ask(shop.app) == (200, "one")
    wait_until(lambda: shop.look()[0].ends >= 2, 20)
    found = shop.look()[0]
    assert (found.reason, found.last_line) == ("exit status 3", "no queue here")
    assert list(background.early_ends(shop.server.server, shop.app)) == [
        "worker.1 has ended already: exit status 3. It wrote: no queue here",
        "What ends is started again, less and less often; `ship ps` and `ship logs` tell more.",
    ]
    wait_until(lambda: waits(shop)[:2] == [1, 2], 20)
    # now and then it runs for a moment
    wait_until(lambda: processes.wait(shop.server.server, shop.app, 0.1) == ["worker.1"], 20)
    shop.push(tree("two"))
    assert shop.releases() == [("worker.1", "v3")]
    assert shop.look()[0].ends == 0


def test_a_program_that_is_missing_is_named(shop: Pushed) -> None:
    shop.push(tree("one"))
    shop.scale(worker=1)
    shop.push(tree("two", "web: gunicorn app:app\nworker: celery -A app worker\n"))
    wait_until(lambda: shop.look()[0].reason == "exit status 69", 20)
    told = next(background.early_ends(shop.server.server, shop.app))
    assert told.startswith("worker.1 has ended already: exit status 69")
    wait_until(
        lambda: any("The program celery cannot be run" in line for line in shop.log("worker.1"))
    )
    assert shop.server.ask(shop.app) == (200, "two")


def test_a_refused_push_leaves_the_workers_as_they_are(shop: Pushed) -> None:
    shop.push(tree("one"))
    shop.scale(worker=1)
    assert shop.releases() == [("worker.1", "v1")]
    pid = shop.look()[0].pid
    shop.checkout.commit({"app.py": "raise RuntimeError\n"})
    assert shop.checkout.push().status != 0
    assert shop.releases() == [("worker.1", "v1")]
    assert shop.look()[0].pid == pid


def test_an_app_without_web_is_workers_alone(shop: Pushed) -> None:
    shop.push(tree("one", "worker: python worker.py\n"))
    shop.scale(worker=1)
    assert shop.releases() == [("worker.1", "v1")]
    control.do(shop.server.server, shop.app, control.restarting())
    control.do(shop.server.server, shop.app, control.stopping())
    assert running(shop) == set()
    control.do(shop.server.server, shop.app, control.starting())
    assert shop.releases() == [("worker.1", "v1")]


def test_the_first_release_may_bring_its_own_scale(shop: Pushed) -> None:
    """What app.json asks for counts until somebody has said otherwise."""
    paths = shop.server.paths(shop.app)
    shop.scale(clock=2)
    assert json.loads(paths.scale.read_text()) == {"clock": 2}
    shop.push(tree("one", PROCFILE + "clock: python worker.py\n"))
    assert shop.releases("clock") == [("clock.1", "v1"), ("clock.2", "v1")]


def test_a_server_that_starts_starts_them(server: EmbeddedServer, shop: Pushed) -> None:
    shop.push(tree("one"))
    shop.scale(worker=2)
    root = server.root
    assert embedded.stop(root)
    assert running(shop) == set()
    assert embedded.start(root).failures == ()
    unfinished.recover_all(server.server)
    assert shop.releases() == [("worker.1", "v1"), ("worker.2", "v1")]


def test_nothing_is_left_of_a_destroyed_app(server: EmbeddedServer) -> None:
    shop = Pushed(server, "gone")
    shop.push(tree("one"))
    shop.scale(worker=2)
    pids = [each.pid for each in shop.look()]
    apps.destroy(server.server, shop.app)
    assert running(shop) == set()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    layout = server.layout
    assert not [path for path in layout.units.iterdir() if path.name.startswith("gone.")]
    assert not layout.app(shop.app).run.exists()


def running(shop: Pushed) -> set[str]:
    found: dict[Instance, int] = shop.server.server.host.background.running(shop.app)
    return {each.name for each in found}


def waits(shop: Pushed) -> list[int]:
    """Seconds that starts were put off, as its log tells."""
    told = [line for line in shop.log("worker.1") if "starts again in" in line]
    return [int(line.split()[-2]) for line in told]


def test_a_look_that_fails_is_no_failure_of_the_release(
    shop: Pushed, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.push(tree("one"))
    shop.scale(worker=1)

    def refuse(*_: object) -> None:
        raise ServerError("The manager does not answer.")

    monkeypatch.setattr(background, "early_ends", refuse)
    said = shop.server.configure(shop.app, GREETING="hello")
    assert "It is not known how the processes besides web do. The manager does not answer." in said
    assert shop.releases() == [("worker.1", "v2")]
