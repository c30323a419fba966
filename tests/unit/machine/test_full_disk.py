"""What is told of errors at the edges: a full disk as that, a fault of ours with its traceback."""

import errno
import os
from pathlib import Path

import pytest

from receiver.machine import full_disk, shell
from receiver.model.errors import BuildError, CheckError, ServerError, ShipError, UsageError

SAID = "error: No space left on device"


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> tuple[Path, ...]:
    """A folder on a disk that takes nothing more."""
    monkeypatch.setattr(full_disk, "is_full", lambda _: True)
    return (Path("/full"),)


def chained() -> Exception:
    """An error that somebody made of what a full disk said."""
    error = ServerError("It could not be begun.")
    error.__cause__ = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/var/lib/ship/x")
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/var/lib/ship/apps/blog/.live.json"),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        chained(),
        shell.CommandError(("tar", "-x"), 2, f"tar: x: Cannot write: {SAID}"),
        BuildError("It failed.", detail=SAID, reason="build/hook-failed"),
    ],
)
def test_a_full_disk_is_told_as_one_whoever_met_it(error: Exception) -> None:
    told = full_disk.in_words(error)
    assert (told.reason, told.exit_code) == ("build/disk-full", 4)
    assert told.title == "There is no space left on the server's disk."
    assert told.detail
    assert "Traceback" not in told.detail


def test_a_program_that_says_something_else_of_it_is_not_believed(full: tuple[Path, ...]) -> None:
    error = shell.CommandError(("useradd", "ship-blog"), 1, "cannot lock /etc/passwd")
    told = full_disk.in_words(error, full)
    assert told.reason == "build/disk-full"
    assert "cannot lock /etc/passwd" in told.detail


def test_what_an_app_says_counts_where_the_disk_is_full(full: tuple[Path, ...]) -> None:
    error = CheckError("It does not start.", detail=SAID)
    error.log = "all of it"
    assert full_disk.in_words(error) is error
    told = full_disk.in_words(error, full)
    assert (told.reason, told.log) == ("build/disk-full", "all of it")


@pytest.mark.parametrize(
    "error", [UsageError("There is no command x."), BuildError("No buildpack knows this.")]
)
def test_what_is_wrong_all_the_same_stays_as_it_is(
    error: ShipError, full: tuple[Path, ...]
) -> None:
    assert full_disk.in_words(error, full) is error


def test_a_fault_of_ours_is_told_with_where_it_is() -> None:
    told = full_disk.in_words(KeyError("x"), advice="The release before goes on serving.")
    assert told.title == "Ship failed in a way it should not: KeyError('x')"
    assert told.advice.startswith("The release before goes on serving. Please report")
    assert told.reason == "internal/unexpected"


def test_a_disk_is_asked_whether_it_is_full(tmp_path: Path) -> None:
    assert not full_disk.is_full(tmp_path)
    assert not full_disk.is_full(tmp_path / "nowhere")


def test_errors_that_came_of_each_other_have_an_end() -> None:
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__cause__ = second, first
    assert "ValueError('first')" in full_disk.in_words(first).title
