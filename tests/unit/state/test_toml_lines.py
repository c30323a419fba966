"""A value in a TOML file is changed in its own lines; what a person wrote around it stays."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.state.toml_lines import Key, edited, with_value

TEXT = """\
# ours
domain = "a.example"  # of 2024
keep_releases = 5 # as agreed
trusted_proxies = [
  "cloudflare", # the shop
]

[buildpacks]
go = "https://example.com/go"  # pinned
"""


@pytest.mark.parametrize(
    ("key", "value", "before", "after"),
    [
        (("domain",), "b.example", '"a.example"  # of 2024', '"b.example"  # of 2024'),
        (("keep_releases",), 9, "= 5 # as", "= 9 # as"),
        (("keep_releases",), None, "keep_releases = 5 # as agreed\n", ""),
        (
            ("trusted_proxies",),
            ["10.0.0.0/8", "cloudflare"],
            '[\n  "cloudflare", # the shop\n]',
            '["10.0.0.0/8", "cloudflare"]',
        ),
        (("email",), "a@b.example", "]\n\n[b", ']\nemail = "a@b.example"\n\n[b'),
        (("buildpacks", "go"), "other", '"https://example.com/go"', '"other"'),
        (("buildpacks", "rust"), "new", "# pinned\n", '# pinned\nrust = "new"\n'),
        (("buildpacks", "go"), None, 'go = "https://example.com/go"  # pinned\n', ""),
    ],
)
def test_one_value_changes_and_nothing_else(
    key: Key, value: object, before: str, after: str
) -> None:
    assert TEXT.count(before) == 1
    assert edited(TEXT, key, value) == TEXT.replace(before, after)


def test_a_table_that_is_not_there_is_added() -> None:
    assert edited('a = "x"\n', ("buildpacks", "go"), "y") == 'a = "x"\n\n[buildpacks]\ngo = "y"\n'
    assert edited("", ("a",), True) == "a = true\n"


def test_what_is_no_matter_of_lines_is_left_to_others() -> None:
    """A name in quotation marks that TOML reads and this does not; a table on one line."""
    assert edited('"k\\u0065y" = 1\n', ("key",), 2) is None
    assert edited('buildpacks = { go = "x" }\n', ("buildpacks", "go"), "y") is None


_VALUES = st.one_of(st.text(max_size=8), st.integers(0, 9), st.lists(st.text(max_size=4)))


@given(st.dictionaries(st.sampled_from("abcd"), _VALUES), st.sampled_from("abcd"), _VALUES)
def test_it_says_what_was_wanted_or_nothing(
    data: dict[str, object], name: str, value: object
) -> None:
    text = ""
    for each, its in data.items():
        text = edited(text, (each,), its) or pytest.fail(f"{each} = {its!r} was not added")
    assert tomllib.loads(text) == data
    changed = edited(text, (name,), value)
    assert changed is not None
    assert tomllib.loads(changed) == with_value(data, (name,), value)
