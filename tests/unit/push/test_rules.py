"""Which refs a push may move, as far as that needs no repository."""

from pathlib import Path

import pytest

from receiver.machine.git import ABSENT
from receiver.push.rules import Rules, hidden_refusal
from receiver.push.wire import Update

NEW = "a" * 40
NOWHERE = Path("/nonexistent")


@pytest.mark.parametrize(
    ("rules", "ref", "hidden"),
    [
        (("refs/ship",), "refs/ship/releases/v1", True),
        (("refs/ship",), "refs/ship", True),
        (("refs/ship",), "refs/shipping/v1", False),
        (("refs/ship/",), "refs/ship/x", True),
        (("refs/ship", "!refs/ship/open"), "refs/ship/open/x", False),
        (("!refs/ship/open", "refs/ship"), "refs/ship/open/x", True),
        ((), "refs/ship/x", False),
    ],
)
def test_hidden(rules: tuple[str, ...], ref: str, hidden: bool) -> None:
    assert Rules(hidden=rules).hides(ref) is hidden


@pytest.mark.parametrize(
    ("value", "denied"),
    [("true", True), ("1", True), ("", True), ("false", False), ("No", False), ("0", False)],
)
def test_settings_are_read_as_git_reads_them(value: str, denied: bool) -> None:
    settings = {"receive.denydeletes": ["false", value], "receive.denydeletecurrent": ["ignore"]}
    rules = Rules.parse(settings)
    assert rules.deny_deletes is denied
    refused = rules.refusal(NOWHERE, Update(NEW, ABSENT, "refs/heads/x"))
    assert refused == ("deletion prohibited" if denied else "")


@pytest.mark.parametrize(
    "ref", ["HEAD", "main", "refs/stash", "refs/heads/..", "refs/heads/a.lock", "refs/heads/a b"]
)
def test_funny_names(ref: str) -> None:
    assert Rules().refusal(NOWHERE, Update(ABSENT, NEW, ref)) == "funny refname"


def test_words_on_hidden_refs() -> None:
    assert hidden_refusal(Update(ABSENT, NEW, "refs/ship/x")) == "deny updating a hidden ref"
    assert hidden_refusal(Update(NEW, ABSENT, "refs/ship/x")) == "deny deleting a hidden ref"
