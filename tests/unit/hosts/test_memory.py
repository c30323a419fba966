"""Limits of memory, in bytes."""

import pytest

from receiver.hosts.memory import bytes_of


def test_sizes() -> None:
    assert bytes_of("512M") == 512 * 1024 * 1024
    assert bytes_of("2G") == 2 * 1024 * 1024 * 1024


@pytest.mark.parametrize("share", [1, 50, 99])
def test_a_share_is_of_this_machine(share: int) -> None:
    assert bytes_of(f"{share}%") == bytes_of("100%") * share // 100
