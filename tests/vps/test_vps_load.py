"""No visitor is turned away while an app changes, counted from outside through nginx."""

from tests.vps.pages import page
from tests.vps.ship_server import ShipServer
from tests.vps.visitors import Visitors


def test_no_request_is_lost_over_all_that_changes_a_release(ship_server: ShipServer) -> None:
    site = ship_server.site("busy")
    site.publish("v1")
    with Visitors(site) as visitors:
        for text in ("v2", "v3", "v4"):
            site.publish(text)
            assert site.page() == text
        before = site.master()
        site.publish("v5", {"requirements.txt": "click\n"})
        assert site.master() != before, "this was to be a handover"
        site.ship("config:set GREETING=hi")
        site.ship("rollback v4")
        assert site.page() == "v4"
        site.ship("ps:restart")
        broken = site.commit(page("v9") | {"app.py": "raise RuntimeError\n" + page("v9")["app.py"]})
        assert site.push().status == 1, broken
    assert visitors.lost == []
    assert set(visitors.pages) == {"v1", "v2", "v3", "v4", "v5"}
    assert sum(visitors.pages.values()) > 300
    assert visitors.longest_s < 5
    assert site.leftovers() == []
