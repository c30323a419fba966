"""Which keys let an administrator in, once passwords do no more."""

import pytest

from receiver.hardening.administrators import is_key

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


@pytest.mark.parametrize(
    "line",
    [
        KEY,
        f"{KEY} anna@laptop",
        f'no-port-forwarding,from="10.0.0.0/8" {KEY} anna',
        f"sk-{KEY.replace('ed25519 ', 'ed25519@openssh.com ')}",
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZ",
    ],
)  # fmt: skip
def test_a_key_that_opens_a_shell_counts(line: str) -> None:
    assert is_key(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        f"# {KEY}",
        "ssh-ed25519 short",
        f"no-pty,command=\"echo 'Please login as the user debian';sleep 10\" {KEY}",
        f'COMMAND="/bin/true" {KEY}',
        f"cert-authority {KEY}",
        f'expiry-time="20200101" {KEY}',
    ],
)
def test_one_that_does_not_is_none(line: str) -> None:
    assert not is_key(line)
