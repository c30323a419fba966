"""Maintenance on a real machine: typed on a laptop with a page of its own, and over a reboot."""

from tests.vps.ship_server import DOMAIN, ShipServer


def test_a_page_holds_over_a_push_and_a_reboot(ship_server: ShipServer) -> None:
    site = ship_server.site("closed")
    site.publish("first")
    host = f"closed.{DOMAIN}"
    said = site.ship("maintenance:on --page -", input="<h1>Ours</h1>")
    assert "Enabling maintenance mode for closed... done" in said.stderr
    assert ship_server.ask(host) == (503, "<h1>Ours</h1>")
    assert (
        "is not read on the server"
        in site.ship("maintenance:on --page /etc/shadow", check=False).stderr
    )
    site.publish("second")
    ship_server.machine.reboot()
    ship_server.machine.wait_until(lambda: ship_server.ask(host)[0] == 503, "answers again", 60)
    assert ship_server.ask(host) == (503, "<h1>Ours</h1>")
    told = site.ship("maintenance")
    assert told.stdout == "on\n"
    assert "by laptop." in told.stderr
    site.ship("maintenance:off")
    ship_server.machine.wait_until(lambda: ship_server.ask(host)[0] == 200, "serves again", 60)
    assert site.page() == "second"
    ship_server.ship("apps:destroy closed --confirm closed")
