"""What modules share that try one embedded server: the server itself, and somebody who types
there."""

from collections.abc import Callable, Iterator

import pytest

from tests.embedded.keyboard import Typed
from tests.embedded.pushing import PushServer, push_server

Ship = Callable[..., Typed]


@pytest.fixture(scope="module")
def server() -> Iterator[PushServer]:
    """A server that takes pushes, of this module alone."""
    with push_server() as made:
        yield made


@pytest.fixture
def ship(server: PushServer) -> Ship:
    """Types a command for the app `blog`."""

    def typed(command: str, *words: str, given: bytes = b"") -> Typed:
        return server.ship(command, "-a", "blog", *words, given=given)

    return typed
