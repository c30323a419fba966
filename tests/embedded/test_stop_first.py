"""An app with a store that one process alone can have open: its old processes end first. And
those that do not end when they are told to.
"""

import re

import pytest

from receiver.model.layout import SLOTS
from receiver.model.names import AppName
from receiver.processes import look as processes
from tests.embedded.embedded_server import EmbeddedServer
from tests.embedded.pushing import WSGI

pytestmark = pytest.mark.embedded

STORE = """
import fcntl
store = open(os.environ["SHIP_STORAGE"] + "/store", "a")
fcntl.flock(store, fcntl.LOCK_EX | fcntl.LOCK_NB)
"""
DEAF = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)\n"
WORKER_TOML = "[process.worker]\ngraceful_s = 3\n"
SHIP_TOML = f'[deploy]\norder = "stop-first"\n{WORKER_TOML}'
PROCFILE = """
web: gunicorn --workers 1 app:app
release: python -c "import app"
worker: python worker.py
"""


def tree(text: str, ship_toml: str = SHIP_TOML) -> dict[str, str | None]:
    app = WSGI.replace("{text}", text) + STORE
    files = {"app.py": app, "worker.py": DEAF, "Procfile": PROCFILE}
    return {**files, "requirements.txt": "", "ship.toml": ship_toml}


DUCK = AppName("duck")
LATE = [
    " !     worker.1 has not ended yet; after 3 s it is killed.",
    " !     worker.1 did not end in time, and was killed.",
]


def the_slot(server: EmbeddedServer) -> int:
    """The process of the one slot that runs; its workers besides web run too."""
    running = server.host.running(DUCK)
    assert len(running) == 1
    assert set(running) <= set(SLOTS)
    return next(iter(running.values()))


def test_stop_first_ends_the_old_processes_before_anything_of_the_new_starts(
    server: EmbeddedServer,
) -> None:
    laptop = server.publish(DUCK, tree("one", WORKER_TOML))
    server.ship("ps:scale", "-a", DUCK, "worker=1")
    laptop.commit({"note": "1"})
    refused = laptop.push()
    assert refused.status != 0
    assert "Resource temporarily unavailable" in refused.text
    assert server.ask(DUCK) == (200, "one")

    laptop.commit(tree("two"))
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert re.search("Stopping v1.*Nobody was served for [0-9.]+ s", pushed.text, re.DOTALL)
    assert [line for line in pushed.lines if line.startswith(" !     ")] == LATE
    assert server.ask(DUCK) == (200, "two")
    assert processes.wait(server.server, DUCK, 20) == []

    stopped = server.ship("ps:stop", "-a", DUCK, "worker")
    assert [line for line in stopped.err.splitlines() if line.startswith(" !     ")] == LATE

    laptop.commit({"app.py": "raise RuntimeError('no')\n", "Procfile": "web: gunicorn app:app\n"})
    assert laptop.push().status != 0
    assert server.ask(DUCK) == (200, "two")

    assert "Nobody was served for" in server.configure(DUCK, GREETING="hello")
    assert server.ask(DUCK) == (200, "two hello")
    before = the_slot(server)
    restarted = server.ship("ps:restart", "-a", DUCK, "web")
    assert restarted.status == 0, restarted.err
    assert the_slot(server) != before
    # v1 does not say so, and what runs does
    assert "Nobody was served for" in server.rollback(DUCK, 1)
    assert server.ask(DUCK) == (200, "one")

    server.ship("ps:start", "-a", DUCK, "worker")
    destroyed = server.ship("apps:destroy", DUCK, "--confirm", DUCK)
    assert destroyed.err == "\n".join((*LATE, f"Destroying {DUCK}... done", ""))
