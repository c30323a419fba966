"""Apps of every kind that the docs name, pushed as they stand: real git over HTTP, real
packages, asked through nginx."""

import pytest

from tests.embedded.embedded_server import DOMAIN, EmbeddedServer
from tests.published import (
    DJANGO,
    FIRST,
    KINDS,
    OTHER_SERVERS,
    SECOND,
    Kind,
    OtherServer,
    next_edition,
)
from tests.visitor import Visitor

pytestmark = pytest.mark.embedded


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_it_answers_as_it_stands_after_a_change_and_after_a_rollback(
    server: EmbeddedServer, kind: Kind
) -> None:
    app = server.create(kind.name)
    host = f"{app}.{DOMAIN}"
    visitor = Visitor("127.0.0.1", server.port, host)
    if kind.config:
        values = {name: value.format(host=host) for name, value in kind.config.items()}
        server.configure(app, **values)
    laptop = server.checkout(app)
    kind.copy_to(laptop.folder)
    laptop.commit({})
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    kind.is_visited(visitor, FIRST)
    kind.is_used(visitor)

    next_edition(laptop.folder)
    laptop.commit({})
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert "Installing" not in pushed.text
    kind.is_visited(visitor, SECOND)

    server.rollback(app)
    kind.is_visited(visitor, FIRST)
    if kind.form and kind.form.is_kept:
        for value in kind.form.fields.values():
            assert value in visitor.ask(kind.home).text
    assert server.leftovers(app) == []


@pytest.mark.parametrize(
    "other", OTHER_SERVERS, ids=lambda other: str(other.command.partition(" ")[0])
)
def test_it_answers_behind_the_server_of_its_own_choice(
    server: EmbeddedServer, other: OtherServer
) -> None:
    app = server.create(f"own-{other.kind.name}")
    visitor = Visitor("127.0.0.1", server.port, f"{app}.{DOMAIN}")
    laptop = server.checkout(app)
    other.kind.copy_to(laptop.folder)
    laptop.commit(other.files)
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert f"web: {other.command}" in pushed.text
    other.kind.is_visited(visitor, FIRST)
    other.kind.is_used(visitor)
    next_edition(laptop.folder)
    laptop.commit({})
    assert laptop.push().status == 0
    other.kind.is_visited(visitor, SECOND)
    assert server.leftovers(app) == []


def test_why_django_answers_500_is_told_although_it_keeps_it_to_itself(
    server: EmbeddedServer,
) -> None:
    app = server.create("no-tables")
    server.configure(app, ALLOWED_HOSTS=f"{app}.{DOMAIN}", DEBUG="")
    laptop = server.checkout(app)
    DJANGO.copy_to(laptop.folder)
    laptop.commit({"Procfile": "web: gunicorn mysite.wsgi\n"})
    pushed = laptop.push()
    assert pushed.status == 1
    assert "(check/missing-table)" in pushed.text
    assert "no such table: wishes_wish" in pushed.text
    assert "python manage.py migrate" in pushed.text
