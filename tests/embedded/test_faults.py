"""A few of the faults of `tests/faults`, where many are done: nothing that a push says turns out
false.
"""

import random
import shutil

import pytest

from receiver.apps import lifecycle as apps
from tests.embedded.embedded_server import EmbeddedServer, wait_until
from tests.fault_kinds import crowds, disks, kills
from tests.fault_kinds.ground import Ground, ended
from tests.needs import require_root
from tests.unit.machine.test_trees import DEEP, nest

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def ground(server: EmbeddedServer) -> Ground:
    return made_ground(server, "ground")


def made_ground(server: EmbeddedServer, name: str) -> Ground:
    made = Ground(server, server.create(name))
    made.begin()
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


def test_pushes_that_fail_at_once_leave_the_branch_at_what_is_live(ground: Ground) -> None:
    live = ground.live_commit()
    shutil.rmtree(ground.paths.builds)  # the first of them makes it again
    for number in (0, 1):
        ground.laptop(number).commit({"Procfile": "web: exit 1\n", "number": str(number)})
    with ground.pushing(0) as first:
        wait_until(lambda: "deploy" in ground.actors())
        with ground.pushing(1) as second:
            said = [ended(client) for client in (first, second)]
    assert [pushed.status for pushed in said] == [1, 1], said
    assert all("internal/" not in pushed.text for pushed in said), said
    assert ground.live_commit() == live
    assert ground.tip(live) == live


def test_folders_in_folders_by_the_thousand_are_in_the_way_of_no_command(
    server: EmbeddedServer,
) -> None:
    ground = made_ground(server, "deep")  # it ends with the app
    home, version = ground.paths, ground.server.live(ground.app)
    assert version is not None
    for folder in (home.storage, home.cache, home.release(version).source):
        nest(folder, DEEP)
    ground.commit()
    pushed = ground.laptop().push("+main")
    assert pushed.status == 0, pushed.text
    for words in (("storage",), ("doctor",), ("ps:restart",)):
        typed = ground.server.ship(*words, "-a", ground.app)
        assert "RecursionError" not in typed.err + typed.out
        assert typed.status == 0 or words == ("doctor",), typed.err
    assert ground.server.leftovers(ground.app) == []
    apps.destroy(ground.server.server, ground.app)
    assert not home.home.exists()


@pytest.mark.parametrize("left", [3, 6])
def test_a_branch_that_a_full_disk_keeps_from_its_place_is_put_there_afterwards(left: int) -> None:
    """The verdict was given when the branch could not be moved back: there is no file for that."""
    require_root()
    with disks.small_disk() as disk:
        assert disks.push_with_files_left(disk, left).lies == []
