"""Reading what an app's workers say of themselves, in a folder that the app can write as it
likes."""

import os
from pathlib import Path

import pytest

from receiver.health import workers
from receiver.machine import lifetimes, proc
from receiver.model.errors import SwapError


class FakeClock:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.time_s = 0.0

    def now(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> None:
        self.time_s += seconds

    def stamp(self) -> str:
        return ""


def test_ready_files_are_read(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    ready.mkdir()
    (ready / "12").write_text("v3")
    (ready / "13").write_text("v4\n")
    (ready / "notes").write_text("v4")
    assert workers.ready_workers(tmp_path) == {12: "v3", 13: "v4"}


def test_nothing_is_followed_or_waited_on(tmp_path: Path) -> None:
    ready = tmp_path / "run" / "ready"
    ready.mkdir(parents=True)
    secret = tmp_path / "secret"
    secret.write_text("of somebody else")
    (ready / "1").symlink_to(secret)
    os.mkfifo(ready / "2")
    (ready / "3").mkdir()
    (ready / "4").write_text("x" * 1000)
    (tmp_path / "run" / "boot-error").symlink_to(secret)
    assert workers.ready_workers(tmp_path / "run") == {4: "x" * 64}
    assert workers.boot_error(tmp_path / "run") is None


def test_folders_that_are_links_are_not_entered(tmp_path: Path) -> None:
    real = tmp_path / "real"
    (real / "ready").mkdir(parents=True)
    (real / "ready" / "1").write_text("v1")
    (real / "boot-error").write_text("why")
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "ready").symlink_to(real / "ready")
    assert workers.ready_workers(tmp_path / "link") == {}
    assert workers.ready_workers(tmp_path / "run") == {}
    assert workers.boot_error(tmp_path / "link") is None
    assert workers.boot_error(real) == "why"


def test_no_folder_means_nothing_is_ready(tmp_path: Path) -> None:
    assert workers.ready_workers(tmp_path / "none") == {}
    assert workers.boot_error(tmp_path / "none") is None
    workers.forget_last_swap(tmp_path / "none")


def test_boot_error_can_be_forgotten(tmp_path: Path) -> None:
    (tmp_path / "boot-error").write_bytes(b"caf\xe9")
    assert workers.boot_error(tmp_path) == "caf�"
    workers.forget_last_swap(tmp_path)
    assert workers.boot_error(tmp_path) is None


def test_a_word_of_a_process_that_is_no_child_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "ready").mkdir()
    (tmp_path / "ready" / "1").write_text("v1")
    (tmp_path / "swapped").write_text("v1")
    with pytest.raises(SwapError) as error:
        workers.wait_for_release(
            tmp_path, "v1", master_pid=os.getpid(), limit_s=3, clock=FakeClock()
        )
    assert error.value.reason == "swap/not-in-time"


def test_a_master_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(SwapError) as error:
        workers.wait_for_release(tmp_path, "v1", master_pid=2**22, limit_s=3, clock=FakeClock())
    assert error.value.reason == "swap/server-ended"


def test_a_boot_error_ends_the_wait_at_once(tmp_path: Path) -> None:
    (tmp_path / "boot-error").write_text("ModuleNotFoundError: No module named 'x'\n")
    (tmp_path / "swapped").write_text("refused")
    clock = FakeClock()
    with pytest.raises(SwapError) as error:
        workers.wait_for_release(tmp_path, "v2", master_pid=os.getpid(), limit_s=3, clock=clock)
    assert error.value.reason == "swap/boot-failed"
    assert "No module named 'x'" in error.value.detail
    assert clock.now() == 0


def test_a_swap_is_over_only_when_the_master_says_so(tmp_path: Path) -> None:
    """Right after a HUP, and behind an earlier one, the workers that still serve prove nothing."""
    master_pid, limit_s = os.getppid(), 1.0  # this process stands for its worker
    (tmp_path / "ready").mkdir()
    (tmp_path / "ready" / str(os.getpid())).write_text("v1")
    (tmp_path / "swapped").write_text("v1")
    workers.begin_swap(tmp_path)
    with pytest.raises(SwapError) as caught:
        workers.wait_for_release(
            tmp_path, "v1", master_pid=master_pid, limit_s=limit_s, clock=FakeClock()
        )
    assert caught.value.reason == "swap/not-in-time"
    (tmp_path / "swapped").write_text("v1")
    workers.wait_for_release(
        tmp_path, "v1", master_pid=master_pid, limit_s=limit_s, clock=FakeClock()
    )


def test_who_served_before_and_runs_without_serving_is_still_at_a_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = tmp_path / "ready"
    ready.mkdir()
    (ready / "12").write_text("v2")
    monkeypatch.setattr(proc, "children", lambda _: {11, 12, 13, 14})
    monkeypatch.setattr(lifetimes, "runs", lambda pid: pid != 14)
    assert workers.leaving(tmp_path, {10, 11, 12, 14}, master_pid=1) == [11]
