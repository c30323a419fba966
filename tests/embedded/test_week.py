"""Some hours of the week that `tests/faults --week` lives through: whatever is typed, and whoever
is killed, all that tells of an app tells the same.
"""

import pytest

from tests.embedded.embedded_server import EmbeddedServer
from tests.fault_kinds import quick_week
from tests.fault_kinds.week import live_through

pytestmark = pytest.mark.embedded
_COMMANDS = 20
_QUICK_COMMANDS = 30
_NUMBER = 1


def test_pages_branch_records_and_audit_agree_after_each_command(server: EmbeddedServer) -> None:
    done, lies = live_through(server, _NUMBER, _COMMANDS)
    assert lies == []
    assert done.total() == _COMMANDS
    assert sum(count for name, count in done.items() if "killed" in name) >= 2


def test_the_same_at_many_more_moments_where_only_the_machine_is_values() -> None:
    done, lies = quick_week.live_through(_NUMBER, _QUICK_COMMANDS)
    assert lies == []
    assert done.total() == _QUICK_COMMANDS
    assert sum(count for name, count in done.items() if "killed" in name) >= _QUICK_COMMANDS / 5
