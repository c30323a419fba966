"""The words by which a hook asks for a deploy."""

import pytest

from receiver.push import intake

PUSH = ["push", "--app", "blog", "--key", "laptop"]


def test_all_that_a_hook_says_is_read() -> None:
    words = ["--ref", "refs/heads/main", "--commit", "c1", "--old", "c0", "--push", "p1"]
    more = ["--owner", "--submodule", "c2 lib", "--submodule", "c3 a b", "--force", "--plan"]
    found = intake._asked([*PUSH, *words, *more])
    assert (found.command, found.app, found.key) == ("push", "blog", "laptop")
    assert (found.ref, found.commit, found.old, found.push) == ("refs/heads/main", "c1", "c0", "p1")
    assert found.submodule == ("c2 lib", "c3 a b")
    assert (found.owner, found.force, found.check, found.plan) == (True, True, False, True)


def test_what_may_be_left_out() -> None:
    found = intake._asked(PUSH)
    assert (found.ref, found.old, found.submodule) == ("", "0" * 40, ())
    assert not any((found.owner, found.force, found.check, found.plan))


def test_a_value_may_look_like_an_option() -> None:
    assert intake._asked([*PUSH, "--ref", "--owner"]).owner is False


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "are required"),
        (["push", "--app", "blog"], "are required"),
        (["destroy", *PUSH[1:]], "are required"),
        ([*PUSH, "--forc"], "unknown argument: --forc"),
        ([*PUSH, "extra"], "unknown argument: extra"),
        ([*PUSH, "--ref"], "lacks its value"),
    ],
)
def test_other_words_are_refused(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        intake._asked(words)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
