"""Steps in words."""

import typing

import pytest

from receiver.deploy.telling import difference, tell
from receiver.model import plan as steps
from receiver.model.plan import AnyStep

SITE = "/etc/nginx/sites-available/ship-blog.conf"


def there(path: str) -> str | None:
    return "a\nb\nc\n" if path == SITE else None


def test_a_file_is_shown_with_what_goes_and_comes() -> None:
    site = steps.ChangeSite("blog", SITE, SITE, "a\nB\nc\n")
    assert tell(site, there) == [
        f"Write {SITE}",
        "   a",
        "  -b",
        "  +B",
        "   c",
        "Have nginx test it, and read it",
    ]


def test_a_file_that_stays_and_one_that_goes() -> None:
    units = steps.ChangeUnits("blog", {SITE: "a\nb\nc\n", "/gone": None})
    assert tell(units, there) == [f"Leave {SITE} as it is", "Remove /gone"]


def test_a_new_file_is_shown_whole_also_where_it_looks_like_a_difference() -> None:
    assert difference(None, "--- x\n+++ y\n") == ["  +--- x", "  ++++ y"]
    assert difference("same\n", "same\n") == []


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (steps.AimSlot("blog", "a", 3, reload=True), "Have slot a take v3 over in place"),
        (steps.AimSlot("blog", "b", 3), "Point slot b at v3"),
        (steps.StopSlot("blog", "a"), "Stop slot a, if it runs"),
        (steps.EnableSlot("blog", None), "Have no slot started at boot"),
        (steps.AskThroughNginx("blog"), "Ask for / through nginx"),
        (steps.HoldSocket("blog"), "Have the host listen on the app's port from now on"),
    ],
)
def test_each_step_is_a_sentence(step: AnyStep, words: str) -> None:
    assert tell(step, there)[0].startswith(words)


def test_every_kind_of_step_can_be_told_by_its_own_words() -> None:
    assert all((kind.__doc__ or "").rstrip().endswith(".") for kind in typing.get_args(AnyStep))
