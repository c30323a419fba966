"""What the tests start ignores no signal, also where they were started in the background."""

import re
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests import signals

pytestmark = pytest.mark.embedded


@pytest.fixture
def ignoring() -> Iterator[None]:
    """This process ignores SIGINT, as what a shell starts in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


def ignored_by_a_child() -> int:
    status = subprocess.run(
        ("cat", "/proc/self/status"), capture_output=True, text=True, check=True
    ).stdout
    [mask] = re.findall(r"SigIgn:\s*([0-9a-f]+)", status)
    return int(mask, 16)


@pytest.mark.usefixtures("ignoring")
def test_a_signal_that_is_ignored_here_is_not_ignored_by_a_child() -> None:
    bit = 1 << (signal.SIGINT - 1)
    assert ignored_by_a_child() & bit
    signals.have_children_ignore_none()
    assert not ignored_by_a_child() & bit
    signal.raise_signal(signal.SIGINT)  # still ignored here
