"""What apps hold, as it is measured and told; and the number of workers that a limit of memory
has room for."""

import json

import msgspec
import pytest

from receiver.model.names import AppName
from receiver.model.process_limits import MIB, Limit
from receiver.processes import capacity
from receiver.state import records
from tests.checkout import Checkout
from tests.embedded.embedded_server import EmbeddedServer
from tests.embedded.pushing import wsgi

pytestmark = pytest.mark.embedded

BLOG = AppName("blog")
HOLDS = "held = b'x' * (40 * 1024 * 1024)\n"


@pytest.fixture(scope="module")
def laptop(server: EmbeddedServer) -> Checkout:
    app = wsgi("page")
    files = {**app, "app.py": HOLDS + app["app.py"], "Procfile": "web: gunicorn app:app\n"}
    return server.publish("blog", files)


def serving(server: EmbeddedServer) -> int:
    """How many workers the app has."""
    return capacity.look(server.server, BLOG).held[0].count


@pytest.mark.usefixtures("laptop")
def test_what_an_app_holds_is_told_with_what_would_fit(server: EmbeddedServer) -> None:
    done = server.ship("capacity")
    first = done.out.splitlines()[0].split()
    assert first[:3] == ["blog", "web", "2"]
    assert 40 <= int(first[4].removesuffix("M")) < 120
    assert "One more worker of blog (ps:scale web=3) would need about" in done.out
    assert "Machine:" in done.out
    done = server.ship("capacity", "--json", "--app", "blog")
    assert done.status == 0, done.err
    told = json.loads(done.out)
    (held,) = told["held"]
    assert (held["app"], held["type"], held["count"]) == ("blog", "web", 2)
    assert held["now_bytes"] > 2 * 40 * MIB
    assert held["limit_bytes"] is None
    assert told["total_bytes"] > told["available_bytes"] > 0


@pytest.mark.usefixtures("laptop")
def test_an_app_that_does_not_run_holds_nothing(server: EmbeddedServer) -> None:
    server.create("empty")
    assert capacity.look(server.server, AppName("empty")).held == ()
    assert server.ship("capacity", "--app", "nothing").status == 20


@pytest.mark.usefixtures("laptop")
def test_what_would_not_fit_is_told(server: EmbeddedServer) -> None:
    assert capacity.too_much(server.server, BLOG, "web", 2) == ""
    assert "the machine has about" in capacity.too_much(server.server, BLOG, "web", 1_000_000)


def test_a_limit_of_memory_has_room_for_so_many_workers(
    server: EmbeddedServer, laptop: Checkout
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
        done = server.ship("ps:scale", "web=3", "--app", "blog")
        assert done.status == 0
        assert " !     web=3 of blog needs about" in done.err
        assert "its limit is 100M, of which it holds" in done.err
        assert "its limit" not in server.ship("ps:scale", "web=2", "--app", "blog").err
    finally:
        records.write_toml(paths.settings, before)


@pytest.mark.usefixtures("laptop")
def test_limits_are_refused_where_nothing_keeps_them(server: EmbeddedServer) -> None:
    refused = server.ship("limits:set", "web.memory=256M", "--app", "blog")
    assert refused.status == 2
    assert "This server cannot limit what processes use." in refused.err
    assert server.ship("limits", "--app", "blog").err == "blog has no limits but the machine's.\n"
    assert server.ship("limits", "--app", "blog", "--json").out == "{}\n"
