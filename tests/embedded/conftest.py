"""What modules share that try one embedded server: the server itself, and somebody who types
there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from receiver.machine import git
from tests.embedded import loaded
from tests.embedded.embedded_server import EmbeddedServer, embedded_server
from tests.embedded.keyboard import Typed
from tests.embedded.receive_sides import Scratch

Ship = Callable[..., Typed]


def pytest_sessionfinish() -> None:
    loaded.end()


@pytest.fixture(scope="session")
def shared_server() -> Iterator[EmbeddedServer]:
    """One server for all modules that leave the server itself as it is."""
    with embedded_server() as made:
        assert made.token, "the first key is an admin's"
        yield made


@pytest.fixture(scope="module")
def server(shared_server: EmbeddedServer) -> Iterator[EmbeddedServer]:
    """A server without apps. A module that stops, breaks or configures it has a fixture of this
    name with one of its own.
    """
    yield shared_server
    shared_server.clear()


@pytest.fixture
def ship(server: EmbeddedServer) -> Ship:
    """Types a command for the app `blog`."""

    def typed(command: str, *words: str, given: bytes = b"") -> Typed:
        return server.ship(command, "-a", "blog", *words, given=given)

    return typed


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A bare repository, as the server has it for an app."""
    path = tmp_path / "blog.git"
    git.create_repo(path, hooks=tmp_path / "none")
    return path


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    """Where objects are made that are pushed to it."""
    return Scratch(tmp_path / "scratch")
