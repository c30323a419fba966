"""Passwords of visitors: hashed as nginx reads them, and the file that it reads."""

from collections.abc import Mapping

from receiver.machine import shell
from receiver.model.errors import ServerError, UsageError
from receiver.model.patterns import regex

LARGEST_BYTES = 128
_ONE_LINE = regex(rb"[^\x00-\x1f\x7f]{1,%d}" % LARGEST_BYTES)


def hashed(password: bytes) -> str:
    """A password as sha512-crypt has it.

    Raises:
        UsageError: no browser could send it as it is
        ServerError: openssl is missing
    """
    if not _ONE_LINE.fullmatch(password):
        raise UsageError(
            "Invalid password.",
            detail=f"Got {len(password)} bytes. A password is one line of 1 to {LARGEST_BYTES}"
            " bytes without control characters.",
            advice="Send it on standard input: `echo 'a long password' | ship nginx:auth anna`.",
            reason="usage/bad-password",
        )
    try:
        # on standard input, where no list of processes shows it
        return shell.capture(("openssl", "passwd", "-6", "-stdin"), given=password).decode().strip()
    except shell.CommandError as error:
        raise ServerError(
            "The password could not be hashed.",
            detail=error.detail or error.title,
            advice="Install openssl on the server: `apt-get install openssl`.",
            reason="server/no-openssl",
        ) from error


def file_text(passwords: Mapping[str, str]) -> str:
    """What nginx reads: a line for each name."""
    return "".join(f"{name}:{password}\n" for name, password in sorted(passwords.items()))
