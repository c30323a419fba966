"""No push takes a site down: what would is refused, and what is called live serves."""

import pytest

from tests.embedded.embedded_server import EmbeddedServer
from tests.embedded.pushing import wsgi

pytestmark = pytest.mark.embedded


def test_a_release_without_web_ends_no_site_unless_that_is_said(server: EmbeddedServer) -> None:
    laptop = server.publish("site", {**wsgi("one"), "Procfile": "web: gunicorn app:app\n"})
    laptop.commit({"Procfile": "wbe: gunicorn app:app\n"})
    refused = laptop.push()
    assert refused.status != 0
    assert "This release has no web process, and v1 has one: the site would go down." in (
        refused.text
    )
    assert "Write `web:` in place of `wbe:`." in refused.text
    assert server.ask("site") == (200, "one")

    laptop.commit({"Procfile": "worker: sleep 600\n", "ship.toml": "web = false\n"})
    ended = laptop.push()
    assert ended.status == 0, ended.text
    assert "-----> v2 is deployed" in ended.lines
    assert "It has no web process: visitors get no page." in ended.text
    assert "is live" not in ended.text
    assert not any(line.startswith("       http") for line in ended.lines)
    assert server.ask("site")[0] == 404

    assert server.ship("rollback", "-a", "site").status == 0
    assert server.ask("site") == (200, "one")
    assert server.ship("rollback", "-a", "site", "v2").status == 0  # its ship.toml says it
    assert server.ship("rollback", "-a", "site", "v1").status == 0
    assert server.ship("ps:scale", "-a", "site", "web=0").status == 0
    laptop.commit({"Procfile": "worker: sleep 600\n", "ship.toml": None})
    ended = laptop.push()
    assert ended.status == 0, ended.text
    assert "It has no web process" in ended.text
