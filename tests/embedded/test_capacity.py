"""What apps hold, as it is measured and told; and the number of workers that a limit of memory has room for."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from receiver import capacity, records
from receiver.model.names import AppName
from receiver.model.process_limits import MIB, Limit
from tests.checkout import Checkout
from tests.embedded.pushing import PushServer, push_server, wsgi

pytestmark = pytest.mark.embedded

BLOG = AppName("blog")
SHIP = Path(sys.executable).parent / "ship"
HOLDS = "held = b'x' * (40 * 1024 * 1024)\n"


@pytest.fixture(scope="module")
def server() -> Iterator[PushServer]:
    with push_server() as found:
        yield found


@pytest.fixture(scope="module")
def laptop(server: PushServer) -> Checkout:
    server.create("blog")
    made = server.checkout("blog")
    app = wsgi("page")
    made.commit({**app, "app.py": HOLDS + app["app.py"], "Procfile": "web: gunicorn app:app\n"})
    pushed = made.push()
    assert pushed.status == 0, pushed.text
    return made


def serving(server: PushServer) -> int:
    """How many workers the app has."""
    return capacity.look(server.server, BLOG).held[0].count


def ship(server: PushServer, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (str(SHIP), *words), capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": "/usr/bin:/bin", "HOME": str(server.folder), "SHIP_ROOT": str(server.embedded.root)},
        cwd=server.folder,
    )  # fmt: skip


@pytest.mark.usefixtures("laptop")
def test_what_an_app_holds_is_told_with_what_would_fit(server: PushServer) -> None:
    done = ship(server, "capacity")
    first = done.stdout.splitlines()[0].split()
    assert first[:3] == ["blog", "web", "2"]
    assert 40 <= int(first[4].removesuffix("M")) < 120
    assert "One more worker of blog (ps:scale web=3) would need about" in done.stdout
    assert "Machine:" in done.stdout
    done = ship(server, "capacity", "--json", "--app", "blog")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    (held,) = told["held"]
    assert (held["app"], held["type"], held["count"]) == ("blog", "web", 2)
    assert held["now_bytes"] > 2 * 40 * MIB
    assert held["limit_bytes"] is None
    assert told["total_bytes"] > told["available_bytes"] > 0


@pytest.mark.usefixtures("laptop")
def test_an_app_that_does_not_run_holds_nothing(server: PushServer) -> None:
    server.create("empty")
    assert capacity.look(server.server, AppName("empty")).held == ()
    assert ship(server, "capacity", "--app", "nothing").returncode == 20


@pytest.mark.usefixtures("laptop")
def test_what_would_not_fit_is_told(server: PushServer) -> None:
    assert capacity.too_much(server.server, BLOG, "web", 2) == ""
    assert "the machine has about" in capacity.too_much(server.server, BLOG, "web", 1_000_000)


def test_a_limit_of_memory_has_room_for_so_many_workers(
    server: PushServer, laptop: Checkout
) -> None:
    paths = server.paths("blog")
    before = records.read_app(paths)
    limited = msgspec.structs.replace(before, limits={"web": Limit(memory="100M")})
    records.write_toml(paths.settings, limited)
    try:
        laptop.commit({})
        pushed = laptop.push()
        assert "1 worker: 100M limit, less 24M for gunicorn, has room for 1 of" in pushed.text
        assert "(measured in v1)" in pushed.text
        assert serving(server) == 1
        server.configure(BLOG, WEB_CONCURRENCY="2")
        assert serving(server) == 2
        assert "its limit is 100M" in capacity.too_much(server.server, BLOG, "web", 3)
        done = ship(server, "ps:scale", "web=3", "--app", "blog")
        assert done.returncode == 0
        assert " !     web=3 of blog needs about" in done.stderr
        assert "its limit is 100M, of which it holds" in done.stderr
        assert "its limit" not in ship(server, "ps:scale", "web=2", "--app", "blog").stderr
    finally:
        records.write_toml(paths.settings, before)


@pytest.mark.usefixtures("laptop")
def test_limits_are_refused_where_nothing_keeps_them(server: PushServer) -> None:
    refused = ship(server, "limits:set", "web.memory=256M", "--app", "blog")
    assert refused.returncode == 2
    assert "This server cannot limit what processes use." in refused.stderr
    assert ship(server, "limits", "--app", "blog").stderr == "blog has no limits but the machine's.\n"  # fmt: skip
    assert ship(server, "limits", "--app", "blog", "--json").stdout == "{}\n"
