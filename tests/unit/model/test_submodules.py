"""Where submodules are from."""

import pytest

from receiver.model.errors import BuildError
from receiver.model.submodules import Submodule, addresses, parse_words, public_address


def test_addresses_stand_by_path_in_any_order() -> None:
    text = (
        '[submodule "a"]\n\tpath = vendor/a\n\turl = https://x.example/a.git\n\tbranch = main\n'
        '# c\n[submodule "b"]\n  url = "../b"\n  path = "b c/"\n[core]\n\tpath = no\n'
    )
    assert addresses(text) == {"vendor/a": "https://x.example/a.git", "b c": "../b"}
    assert addresses("") == {}


@pytest.mark.parametrize(
    ("named", "public"),
    [
        ("https://github.com/o/r.git", "https://github.com/o/r.git"),
        ("http://github.com/o/r", "https://github.com/o/r"),
        ("git://github.com/o/r.git", "https://github.com/o/r.git"),
        ("git@github.com:o/r.git", "https://github.com/o/r.git"),
        ("ssh://git@gitlab.com/o/r.git", "https://gitlab.com/o/r.git"),
        ("ssh://git@git.example:2222/o/r.git", "https://git.example/o/r.git"),
        ("../r", ""),
        ("./r", ""),
        ("/srv/r.git", ""),
        ("file:///srv/r.git", ""),
        ("ext::sh -c x", ""),
        ("https://", ""),
        ("https://x.example/a b", ""),
        ("--upload-pack=x", ""),
        ("", ""),
    ],
)
def test_an_address_is_asked_by_https_or_not_at_all(named: str, public: str) -> None:
    assert public_address(named) == public


def test_words_of_the_hook() -> None:
    one = "1" * 40
    assert parse_words([f"{one} a b/c"]) == (Submodule("a b/c", one),)
    assert parse_words(["x y", one, f"{one} "]) == ()
    with pytest.raises(BuildError):
        parse_words([f"{one} {n}" for n in range(51)])


def test_a_long_line_takes_no_longer_than_a_short_one() -> None:
    """Root reads it, and whoever pushes writes it."""
    text = f'[submodule "a"]\npath = a{" " * 500_000}b\n\tURL = https://x.test/{" " * 500_000}\n'
    found = addresses(text)
    assert list(found.values()) == ["https://x.test/"]
