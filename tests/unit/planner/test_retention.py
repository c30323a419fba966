"""What goes when releases get old."""

from receiver.planner.retention import old_builds, plan_retention


def plan(versions, live, *, keep=10, short=False, venvs=(), held=()):
    venv_of = dict.fromkeys(versions, "/v/shared")
    return plan_retention(
        versions, {live, *held}, venv_of, list(venvs), keep=keep, short_of_space=short
    )


def test_ten_are_kept_and_the_live_one_is_one_of_them():
    assert plan(list(range(1, 13)), 12).releases == (1, 2)


def test_the_live_release_stays_however_old_it_is():
    found = plan(list(range(1, 13)), 1, keep=3)
    assert 1 not in found.releases
    assert found.releases == tuple(range(2, 11))


def test_a_single_release_to_keep_still_leaves_one_to_go_back_to():
    assert plan([1, 2, 3], 3, keep=1).releases == (1,)


def test_lack_of_space_sends_old_releases_early():
    assert plan([1, 2, 3, 4], 4, short=True).releases == (1, 2)


def test_few_releases_all_stay():
    assert plan([1, 2], 2).releases == ()
    assert plan([1], 1).releases == ()


def test_only_the_live_release_keeps_its_unpacked_tree():
    assert plan([1, 2, 3], 3).sources == (1, 2)


def test_a_release_that_a_command_runs_in_keeps_all_it_has():
    found = plan([1, 2, 3, 4, 5], 5, keep=2, held={1})
    assert found.releases == (2, 3)
    assert found.sources == (4,)


def test_a_virtualenv_goes_with_the_last_release_that_needs_it():
    found = plan_retention(
        [1, 2, 3],
        {3},
        {1: "/v/a", 2: "/v/b", 3: "/v/b"},
        ["/v/a", "/v/b", "/v/torn"],
        keep=2,
        short_of_space=False,
    )
    assert found.venvs == ("/v/a", "/v/torn")


def test_the_newest_builds_stay_and_those_that_made_a_kept_release():
    assert old_builds([1, 2, 3, 4, 5, 6], {2}, keep=3) == (1, 3)
    assert old_builds([1, 2], set(), keep=3) == ()
