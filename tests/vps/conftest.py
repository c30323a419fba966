"""Machines for the tests: booted once per module, removed at its end, whatever happened."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import needs
from tests.vps import trees
from tests.vps.host_vps import Vps, make_vps, serve_first
from tests.vps.laptop import Laptop, trust_as_root
from tests.vps.machine import Machine
from tests.vps.ship_server import ShipServer, tree_of_a_server

NEEDED = ("systemd-nspawn", "debootstrap", "nsenter", "ip", "iptables", "ssh", "ssh-keygen")
LIMIT_S = 1200  # the first test may have to make the trees, and to install

MachineFactory = Callable[..., Machine]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in this folder, and give it the time that machines take."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.vps)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(LIMIT_S))


@pytest.fixture(scope="session")
def warm_tree() -> Path:
    """A fresh Debian whose apt and pip caches are full."""
    needs.require_root()
    for program in NEEDED:
        needs.require_program(program)
    return trees.warm()


@pytest.fixture(scope="module")
def machine_factory(warm_tree: Path) -> Iterator[MachineFactory]:
    """Call it with a name (and perhaps a tree) for a booted machine of the module's own."""
    with ExitStack() as machines:

        def boot(name: str, tree: Path = warm_tree) -> Machine:
            return machines.enter_context(Machine.boot(tree, name))

        yield boot


@pytest.fixture(scope="module")
def machine(machine_factory: MachineFactory) -> Machine:
    """A fresh machine, booted; the tests of one module share it."""
    return machine_factory("vps")


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory, machine: Machine) -> Laptop:
    """This computer with a key that may log in to `machine` as root."""
    laptop = Laptop(tmp_path_factory.mktemp("laptop"))
    laptop.knows(machine)
    trust_as_root(machine, laptop.key())
    return laptop


@pytest.fixture(scope="module")
def vps(machine: Machine) -> Vps:
    """The machine with ship's code and an app `blog`, without installer.sh."""
    return make_vps(machine)


@pytest.fixture
def serving(vps: Vps) -> Vps:
    return serve_first(vps)


@pytest.fixture(scope="session")
def installed_tree(warm_tree: Path) -> Path:
    """The warm tree as installer.sh leaves it."""
    del warm_tree  # it looks for the programs that are needed
    return tree_of_a_server()


@pytest.fixture(scope="session")
def ship_server(
    installed_tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ShipServer]:
    """A machine that is a ship server; tests share it, each with apps of its own."""
    with Machine.boot(installed_tree, "vps") as machine:
        laptop = Laptop(tmp_path_factory.mktemp("laptop"))
        laptop.knows(machine)
        trust_as_root(machine, laptop.key())
        yield ShipServer.on(machine, laptop, tmp_path_factory.mktemp("sites"))
