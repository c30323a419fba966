"""Fixtures for every ring of the tests; the checks behind them are in tests/needs.py."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from tests import needs, order, ports, signals

pytest.register_assert_rewrite("tests.embedded.transcript")  # so that a difference is shown


def pytest_configure() -> None:
    signals.have_children_ignore_none()


@pytest.hookimpl(trylast=True)  # after pytest-randomly
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: order.turn(item.path))


# How long an example takes says more about the computer than about the code.
settings.register_profile("ship", deadline=None, max_examples=50)
settings.load_profile("ship")


@pytest.fixture(scope="session")
def require_program() -> Callable[[str], Path]:
    """Call it with a program's name: its path, or a skip (in CI: a failure)."""
    return needs.require_program


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Call it for a TCP port on loopback that nobody listens on."""
    return ports.free_port
