"""Which commands of a virtualenv one job does, and what of its output is shown."""

import pytest

from receiver.building.builder import _Group, _grouped, _Output
from receiver.model.build import Command

MAKE = Command(("make",), explain="virtualenv", quiet=True)
FIRST, LAST = Command(("first",), explain="install"), Command(("last",), explain="install")
DATA = Command(("data",), explain="data")
TRIED = Command(("tried",), explain="install", instead=LAST)
FINISH = Command(("finish",), explain="install")


@pytest.mark.parametrize(
    ("start", "install", "finish", "groups"),
    [
        ((MAKE,), (LAST,), FINISH, [_Group(LAST, (MAKE,), (FINISH,))]),
        ((), (LAST,), FINISH, [_Group(LAST, (), (FINISH,))]),
        ((MAKE,), (FIRST, LAST), FINISH, [_Group(FIRST, (MAKE,)), _Group(LAST, (), (FINISH,))]),
        ((MAKE,), (), FINISH, [_Group(FINISH, (MAKE,))]),
        ((MAKE,), (), None, [_Group(MAKE)]),
        ((MAKE,), (LAST,), None, [_Group(LAST, (MAKE,))]),
        # one that may fail and be tried in another way is done alone
        ((MAKE,), (TRIED,), FINISH, [_Group(MAKE), _Group(TRIED), _Group(FINISH)]),
        # its failure has other words
        ((), (LAST, DATA), FINISH, [_Group(LAST), _Group(DATA), _Group(FINISH)]),
    ],
)
def test_commands_that_one_job_does(
    start: tuple[Command, ...],
    install: tuple[Command, ...],
    finish: Command | None,
    groups: list[_Group],
) -> None:
    assert list(_grouped(start, install, finish)) == groups


@pytest.mark.parametrize(
    ("chunks", "shown"),
    [
        (
            [b"Using CPython", b" 3\n\0Resolved\n", b"+ a\0\n"],
            [b"title", b"Resolved\n", b"+ a\0\n"],
        ),
        ([b"\0", b"Resolved\n"], [b"title", b"Resolved\n"]),
        ([b"error: no space\n"], []),
    ],
)
def test_output_is_shown_from_the_mark_on(chunks: list[bytes], shown: list[bytes]) -> None:
    seen: list[bytes] = []
    output = _Output(lambda: seen.append(b"title"), seen.append)
    for chunk in chunks:
        output(chunk)
    assert seen == shown
    assert output.begun == bool(shown)
