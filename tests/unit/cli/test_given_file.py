"""What a command reads from standard input: no more than it wants, and not for ever."""

import os

import pytest

from receiver.cli import given_file
from receiver.model.errors import UsageError


def test_no_more_is_read_than_is_wanted_and_silence_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(given_file, "_SILENT_S", 0.02)
    given, written = os.pipe()
    os.write(written, b"A=1\nB=2\n")
    assert given_file._what_comes(given, 4) == b"A=1\n"
    with pytest.raises(UsageError) as silent:
        given_file._what_comes(given, 100)
    assert silent.value.reason == "usage/silent-input"
    os.close(written)
    assert given_file._what_comes(given, 100) == b""
    os.close(given)
