"""The options of gunicorn that Ship knows, beside those that the installed gunicorn has."""

from argparse import Action

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped] # it ships no types

from receiver.model import gunicorn_options as known
from receiver.model.commandline import split_words

NOT_KNOWN = {
    "--help": "prints a page and ends: nothing that a Procfile starts",
    "--version": "prints a line and ends",
}
"""Options of gunicorn that Ship hands on as they are, and why it need not know them."""
GONE: dict[str, str] = {}
"""Options of other gunicorns, which apps may bring, that the installed one does not have."""


def _options() -> dict[str, Action]:
    """By long name, what gunicorn's own parser makes of an option."""
    actions = Config().parser()._actions
    return {name: each for each in actions for name in each.option_strings if name.startswith("--")}


def _named(*, nargs: int | str | None) -> set[str]:
    return {name for name, each in _options().items() if each.nargs == nargs} - NOT_KNOWN.keys()


def test_every_option_of_gunicorn_is_known_or_named_here_with_a_reason() -> None:
    assert _options().keys() == (known._KNOWN | NOT_KNOWN.keys()) - GONE.keys()


def test_an_option_takes_a_value_here_where_it_takes_one_in_gunicorn() -> None:
    assert _named(nargs=None) == known._VALUES - GONE.keys()
    assert _named(nargs=0) == known._FLAGS - known._WORDS.keys() - GONE.keys()
    assert _named(nargs="?") == known._WORDS.keys()


def test_short_options_are_those_of_gunicorn() -> None:
    short = {
        first: name
        for name, each in _options().items()
        if not (first := each.option_strings[0]).startswith("--") and name not in NOT_KNOWN
    }
    assert short == known._SHORT


@pytest.mark.parametrize("name", sorted(known._WORDS))
def test_a_word_behind_such_a_flag_is_its_value_where_gunicorn_takes_it(name: str) -> None:
    setting = next(each for each in Config().settings.values() if name in (each.cli or ()))
    for word in known._WORDS[name]:
        setting.set(word)  # raises ValueError for what gunicorn does not take
        line = known.read_options(split_words(f"{name} {word} app:app") or [])
        assert line is not None
        assert (line.app, line.arguments) == ("app:app", [f"{name}={word}"])
    line = known.read_options(split_words(f"{name} app:app") or [])
    assert line is not None
    assert (line.app, line.arguments) == ("app:app", [name])
