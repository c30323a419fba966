"""Some hours of the week that `tests/faults --week` lives through: whatever is typed, and whoever
is killed, all that tells of an app tells the same.
"""

import pytest

from tests.embedded.embedded_server import EmbeddedServer
from tests.fault_kinds.week import live_through

pytestmark = pytest.mark.embedded
_COMMANDS = 20
_NUMBER = 1


def test_pages_branch_records_and_audit_agree_after_each_command(server: EmbeddedServer) -> None:
    done, lies = live_through(server, _NUMBER, _COMMANDS)
    assert lies == []
    assert done.total() == _COMMANDS
    assert sum(count for name, count in done.items() if "killed" in name) >= 2
