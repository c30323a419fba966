"""The model of `tests/faults --week`, on what an app is at each command."""

from tests.fault_kinds.expected import BAD, Expected


def _served(*texts: str) -> Expected:
    found = Expected()
    for text in texts:
        found = found.pushed(f"commit-of-{text}", text)
    return found


def test_a_push_takes_pending_config_vars_along_and_moves_the_branch() -> None:
    app = _served("one").configured("GREETING", "hi", restart=False)
    assert app.live is not None
    assert (app.live.page, app.config) == ("one", {"GREETING": "hi"})
    after = app.pushed("c2", "two")
    assert after.live is not None
    assert (after.live.page, after.live.version, after.branch) == ("two hi", 2, "c2")


def test_what_does_not_start_changes_nothing() -> None:
    app = _served("one")
    assert app.pushed("c2", BAD) is app
    assert app.configured("GREETING", BAD, restart=True) is app
    pending = app.configured("GREETING", BAD, restart=False)
    assert pending.pushed("c2", "two") is pending


def test_a_rollback_leaves_the_branch_and_what_is_pending() -> None:
    app = _served("one", "two").configured("GREETING", "hi", restart=False)
    after = app.rolled_back(app.releases[0])
    assert after.live is not None
    assert (after.live.page, after.live.restores, after.live.version) == ("one", 1, 3)
    assert (after.branch, after.config) == ("commit-of-two", {"GREETING": "hi"})
    again = after.rolled_back(after.releases[2])
    assert again.live is not None
    assert again.live.restores == 1


def test_a_config_var_that_is_so_already_makes_no_release() -> None:
    app = _served("one").configured("GREETING", "hi", restart=True)
    again = app.configured("GREETING", "hi", restart=True)
    assert again.releases == app.releases
    gone = app.configured("GREETING", None, restart=True)
    assert gone.live is not None
    assert (gone.live.page, gone.live.version) == ("one", 3)
