"""What sshd prints of its settings, and what of them would lock people out."""

import pytest

from receiver.hardening import sshd
from receiver.hardening.ssh_login import _hindrance, _is_strict

SAID = """\
port 22
port 2222
permitrootlogin without-password
passwordauthentication yes
kbdinteractiveauthentication no
authenticationmethods any
"""


def with_value(name: str, value: str) -> sshd.Settings:
    return {**sshd.read(SAID), name: (value,)}


def test_each_line_is_a_value() -> None:
    found = sshd.read(SAID)
    assert found["port"] == ("22", "2222")
    assert found["passwordauthentication"] == ("yes",)


def test_strict_is_without_passwords_and_with_keys_for_root_at_most() -> None:
    assert not _is_strict(sshd.read(SAID))
    strict = with_value("passwordauthentication", "no")
    assert _is_strict(strict)
    assert _is_strict({**strict, "permitrootlogin": ("no",)})
    assert not _is_strict({**strict, "permitrootlogin": ("yes",)})
    assert not _is_strict({**strict, "kbdinteractiveauthentication": ("yes",)})


@pytest.mark.parametrize("methods", ["publickey,keyboard-interactive", "publickey,password"])
def test_who_needs_more_than_a_key_is_not_locked_out(methods: str) -> None:
    """Such as a code from a phone, which sshd asks for as an answer on the keyboard."""
    assert _hindrance(sshd.read(SAID), ["root"]) is None
    found = _hindrance(with_value("authenticationmethods", methods), ["root"])
    assert found is not None
    assert found.state == "refused"
    assert f"(AuthenticationMethods {methods})" in found.said


def test_nobody_is_locked_out_who_has_no_key() -> None:
    found = _hindrance(sshd.read(SAID), [])
    assert found is not None
    assert found.state == "refused"
