"""A few of the faults of `tests/faults`, where many are done: nothing that a push says turns out
false.
"""

import random

import pytest

from tests.embedded.embedded_server import EmbeddedServer
from tests.fault_kinds import crowds, kills
from tests.fault_kinds.ground import Ground

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def ground(server: EmbeddedServer) -> Ground:
    made = Ground(server, server.create("ground"))
    made.commit()
    pushed = made.laptop().push()
    assert pushed.status == 0, pushed.text
    return made


@pytest.mark.parametrize("seed", range(3))
def test_whoever_takes_part_in_a_push_is_killed_at_any_moment(ground: Ground, seed: int) -> None:
    assert kills.kill_one(ground, random.Random(seed)).lies == []


@pytest.mark.parametrize("seed", range(2))
def test_a_deploy_that_is_killed_in_its_handover(ground: Ground, seed: int) -> None:
    assert kills.kill_in_handover(ground, random.Random(seed)).lies == []


def test_a_command_that_waits_for_a_push(ground: Ground) -> None:
    assert crowds.second_command(ground, random.Random(1)).lies == []


def test_five_pushes_at_once(ground: Ground) -> None:
    assert crowds.several_pushes(ground, random.Random(1)).lies == []
