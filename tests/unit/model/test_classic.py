"""Buildpacks of others: what a server allows, what an owner means, and what `bin/release` says."""

import pytest

from receiver.model.classic import (
    FolderSource,
    GitSource,
    canonical,
    parse_index,
    parse_release,
    parse_source,
)
from receiver.model.errors import BuildError, ServerError, ShipError, UsageError

COMMIT = "a" * 40
ALLOWED = {"node": "https://git.example/node.git#v1", "fonts": "/srv/fonts"}


def test_a_source_is_git_at_a_ref_or_a_folder() -> None:
    found = parse_source("node", "https://git.example/node.git#v1")
    assert found == GitSource("node", "https://git.example/node.git", "v1")
    assert not found.pinned
    assert GitSource("node", "", COMMIT).pinned
    assert parse_source("me/fonts", "/srv/fonts") == FolderSource("me/fonts", "/srv/fonts")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("node", "https://git.example/node.git"),
        ("node", "https://git.example/node.git#"),
        ("node", "https://git.example/node.git#--upload-pack=x"),
        ("node", "http://git.example/node.git#v1"),
        ("node", "file:///srv/node#v1"),
        ("node", "ext::sh -c x#v1"),
        ("node", "git@git.example:node#v1"),
        ("node", "srv/fonts"),
        ("python", "https://git.example/python#v1"),
        ("-node", "/srv/node"),
        ("heroku/python", "/srv/node"),
    ],
)
def test_a_source_that_cannot_be_meant_is_refused(name: str, place: str) -> None:
    with pytest.raises(ServerError) as refused:
        parse_source(name, place)
    assert refused.value.reason == "server/bad-buildpack"


def test_a_password_in_an_address_is_told_to_git_alone() -> None:
    place = "https://me:s%2Fcret@git.example/node.git"
    found = parse_source("node", f"{place}#v1")
    assert isinstance(found, GitSource)
    assert found.address == "https://git.example/node.git"
    assert found.credentials == "me:s/cret"
    assert canonical("https://git.example/node.git", {"node": f"{place}#v1"}) == "node"
    with pytest.raises(ServerError) as refused:
        parse_source("node", place)
    assert "cret" not in str(refused.value.fields())


def test_without_https_a_whole_commit_is_enough() -> None:
    found = parse_source("node", f"http://git.example/node#{COMMIT}")
    assert found == GitSource("node", "http://git.example/node", COMMIT)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("python", "python"),
        ("heroku/python", "python"),
        ("https://github.com/heroku/heroku-buildpack-python.git", "python"),
        ("node", "node"),
        ("https://git.example/node", "node"),
        ("https://git.example/node.git#v2", "node"),
        ("/srv/fonts", "fonts"),
    ],
)
def test_a_buildpack_is_meant_by_its_name_or_its_address(said: str, meant: str) -> None:
    assert canonical(said, ALLOWED) == meant


def test_what_is_not_allowed_is_refused_with_what_the_administrator_can_do() -> None:
    with pytest.raises(ShipError) as refused:
        canonical("https://git.example/other", ALLOWED)
    assert refused.value.reason == "access/buildpack"
    assert "python, static, procfile, fonts, node" in refused.value.detail
    assert "[buildpacks]" in refused.value.advice


@pytest.mark.parametrize(
    ("text", "processes", "config"),
    [
        ("", {}, {}),
        ("---\n{}\n", {}, {}),
        (
            "---\ndefault_process_types:\n  web: bin/serve --port $PORT\n",
            {"web": "bin/serve --port $PORT"},
            {},
        ),
        (
            "default_process_types:\n  web: 'it''s'\nconfig_vars:\n  A: \"b\\n\"\n",
            {"web": "it's"},
            {"A": "b\n"},
        ),
        (
            "addons:\n  - db\n# why\ndefault_process_types: {}\nconfig_vars:\n  'A': b # c\n",
            {},
            {"A": "b"},
        ),
        ('{"addons": [], "default_process_types": {"web": "x"}}', {"web": "x"}, {}),
    ],
)
def test_what_a_release_says(text: str, processes: dict[str, str], config: dict[str, str]) -> None:
    found = parse_release("node", text)
    assert (found.processes, found.config) == (processes, config)


@pytest.mark.parametrize(
    "text",
    [
        "default_process_types:\n  web: |\n    long\n",
        "default_process_types: [a]\n",
        "web: x\n",
        "not yaml at all\n",
        '{"default_process_types": {"web": 1}}',
        "{broken",
        "default_process_types:\n  web: &a x\n",
        'default_process_types:\n  web: "open\n',
        "something: \n  a: b\n",
    ],
)
def test_a_release_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(BuildError) as refused:
        parse_release("node", text)
    assert refused.value.reason == "build/buildpack-release"


@pytest.mark.parametrize("text", ["0", "4", "-1", "one", "", "²"])
def test_a_place_that_is_not_in_the_list(text: str) -> None:
    with pytest.raises(UsageError):
        parse_index(text, 3)
    assert parse_index("3", 3) == 3
