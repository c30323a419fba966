"""Which of several pushed refs is deployed, and what is said of the others."""

import pytest

from receiver.machine.git import ABSENT
from receiver.model.errors import GitError
from receiver.push.choice import choose, ignored
from receiver.push.wire import Update

FIRST = ("main", "master")


def updates(*names: str) -> list[Update]:
    """Tags by `v1`, branches by any other name, whole refs as they are."""
    prefixes = {"v": "refs/tags/", "r": ""}
    return [Update(ABSENT, "a" * 40, prefixes.get(n[0], "refs/heads/") + n) for n in names]


@pytest.mark.parametrize(
    ("names", "branches", "chosen"),
    [
        (("v1", "main"), ("main",), "main"),
        (("main", "v1", "v2"), FIRST, "main"),
        (("master", "v1"), FIRST, "master"),
        (("master", "main"), FIRST, "main"),
        (("main", "master", "topic"), ("master",), "master"),
        (("refs/notes/x", "main"), ("main",), "main"),
    ],
)
def test_the_deploy_branch_is_chosen(
    names: tuple[str, ...], branches: tuple[str, ...], chosen: str
) -> None:
    assert choose(updates(*names), branches).ref == f"refs/heads/{chosen}"


@pytest.mark.parametrize(
    ("names", "title", "line"),
    [
        (("v1", "v2"), "Only tags were pushed", "git push prod 'v1^{}:main'"),
        (("topic", "v1"), "The branch main is not in this push", "git push prod topic:main"),
        (("a;b", "v1"), "The branch main is not in this push", "git push prod 'a;b:main'"),
    ],
)
def test_without_it_the_push_is_refused_with_the_line_to_type(
    names: tuple[str, ...], title: str, line: str
) -> None:
    with pytest.raises(GitError, match=title) as caught:
        choose(updates(*names), FIRST)
    assert f"    {line}" in caught.value.advice
    assert caught.value.reason == "git/several-refs"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("v1",), "tag v1"),
        (("v1", "v2", "topic"), "tags v1 and v2 and branch topic"),
        (("refs/notes/x",), "ref refs/notes/x"),
        (tuple(f"v{n}" for n in range(5)), "tags v0, v1, v2, v3 and v4"),
        (tuple(f"v{n}" for n in range(12)), "tags v0, v1, v2, v3 and 8 more"),
    ],
)
def test_what_is_ignored_is_named(names: tuple[str, ...], said: str) -> None:
    line = ignored(updates(*names), "main")
    assert line == f"Ignoring {said} (only the branch main is deployed)"
