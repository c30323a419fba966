"""What is told where ssh itself does not reach the server, by the words of OpenSSH."""

import pytest

from receiver.doctor.ssh_trouble import explain


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("ship@vps: Permission denied (publickey).", "vps refuses the ssh key of this computer."),
        (
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
            "vps shows another host key",
        ),
        (
            "ssh: Could not resolve hostname vps: Name or service not known",
            "There is no address for the name vps.",
        ),
        (
            "ssh: connect to host vps port 22: Connection refused",
            "vps answers, and no sshd listens there.",
        ),
        ("ssh: connect to host vps port 22: Connection timed out", "vps does not answer."),
        ("kex_exchange_identification: read: Connection reset by peer", "ssh could not reach vps."),
    ],
)
def test_each_way_to_fail_has_its_words(said: str, title: str) -> None:
    error = explain(said, "ship@vps")
    assert error.title.startswith(title)
    assert error.detail == said
    assert (error.reason, error.exit_code) == ("access/ssh-failed", 21)
    assert error.advice
