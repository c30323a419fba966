"""Which program may be called as root: one that nobody else can change."""

import os
from pathlib import Path

import pytest

from receiver.certificates.dns_hook import HookError, checked


@pytest.fixture
def hook(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "hook"
    path.parent.mkdir(mode=0o755)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_one_that_only_its_owner_writes_is_called(hook: Path, tmp_path: Path) -> None:
    assert checked(str(hook)) == str(hook)
    link = tmp_path / "link"
    link.symlink_to(hook)
    assert checked(str(link)) == str(link)


@pytest.mark.parametrize(
    ("change", "told", "advice"),
    [
        (lambda hook: hook.chmod(0o775), "Others can write {hook}.", "`chmod go-w {hook}`"),
        (
            lambda hook: hook.parent.chmod(0o757),
            "Others can write {hook.parent}.",
            "`chmod go-w {hook.parent}`",
        ),
        (lambda hook: hook.chmod(0o644), "It is no program that can be started.", "`chmod 755 "),
        (lambda hook: hook.unlink(), "No such file or directory.", "Put the program there"),
    ],
)
def test_one_that_others_change_or_that_does_not_start_is_not(
    hook: Path, change: object, told: str, advice: str
) -> None:
    change(hook)  # type: ignore[operator] # a function of the path
    with pytest.raises(HookError) as refused:
        checked(str(hook))
    assert refused.value.title == f"{hook}, the dns_hook of this server, is not called."
    assert refused.value.detail == told.format(hook=hook)
    assert advice.format(hook=hook) in refused.value.advice


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_one_of_another_account_is_not(hook: Path) -> None:
    os.chown(hook, 12_345, 0)
    with pytest.raises(HookError) as refused:
        checked(str(hook))
    assert refused.value.detail == f"{hook} is not root's."
