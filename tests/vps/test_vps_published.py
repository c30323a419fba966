"""Apps in the shapes in which people publish theirs, pushed over ssh to a real machine as they
stand: one of each kind of worker, with files that nginx's own account serves. The other kinds are
in tests/embedded."""

import shlex

import pytest

from tests.published import DJANGO, FASTAPI, FIRST, SECOND, Kind, next_edition
from tests.visitor import Visitor
from tests.vps.ship_server import DOMAIN, ShipServer


@pytest.mark.parametrize("kind", [DJANGO, FASTAPI], ids=lambda kind: kind.name)
def test_it_answers_as_it_stands_after_a_change_and_after_a_rollback(
    ship_server: ShipServer, kind: Kind
) -> None:
    site = ship_server.site(kind.name)
    host = f"{kind.name}.{DOMAIN}"
    visitor = Visitor(ship_server.machine.address, 80, host)
    if kind.config:
        pairs = (f"{name}={value.format(host=host)}" for name, value in kind.config.items())
        site.ship(f"config:set {shlex.join(pairs)}")
    kind.copy_to(site.folder)
    site.commit({})
    pushed = site.push()
    assert pushed.status == 0, pushed.text
    kind.is_visited(visitor, FIRST)
    kind.is_used(visitor)

    next_edition(site.folder)
    site.commit({})
    pushed = site.push()
    assert pushed.status == 0, pushed.text
    kind.is_visited(visitor, SECOND)

    site.ship("rollback")
    kind.is_visited(visitor, FIRST)
    if kind.form and kind.form.is_kept:
        for value in kind.form.fields.values():
            assert value in visitor.ask(kind.home).text
    assert site.leftovers() == []
