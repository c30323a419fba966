"""docs/apps.md says of each app of tests/apps what runs it; planned here from its files, without
building it."""

import re

import pytest

from buildpacks import choose
from buildpacks.python.discovery import FACTORY_NAMES, MODULE_NAMES, VARIABLE_NAMES
from tests.published import FIRST, KINDS, OTHER_SERVERS, Kind
from tests.unit.test_docs import PROJECT
from tests.unit.trees import FACTS, tree

PAGE = (PROJECT / "docs/apps.md").read_text()
ROWS = dict(
    re.findall(r"^\| \[[^]]+\]\(\.\./tests/apps/([a-z-]+)\) \|.*\| (.*) \|$", PAGE, re.MULTILINE)
)


def test_the_page_has_a_row_for_each_app_that_is_pushed() -> None:
    assert sorted(ROWS) == sorted(kind.name for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_it_is_planned_as_the_page_says(kind: Kind) -> None:
    plan = choose(pushed := tree(_files(kind))).plan(pushed, FACTS)
    if "/" in plan.static:
        folder = plan.static["/"]
        where = "the top folder" if folder == "." else f"`{folder}/`"
        assert ROWS[kind.name] == f"nginx serves {where}"
    else:
        how = "Procfile" if pushed.has("Procfile") else "found"
        assert ROWS[kind.name] == f"{how}: `{plan.processes['web']}`"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_it_says_its_edition_in_one_place_and_names_no_index_but_the_public_one(kind: Kind) -> None:
    files = _files(kind)
    assert sum(content.count(FIRST.encode()) for content in files.values()) == 1
    locks = [text.decode() for name, text in files.items() if name.endswith((".lock", ".txt"))]
    hosts = {host for text in locks for host in re.findall(r"https?://([^/\s\"]+)", text)}
    assert hosts <= {"pypi.org", "files.pythonhosted.org"}


def test_the_page_has_a_row_for_each_other_server() -> None:
    rows = re.findall(r"^\| \w+ \| `(.*)` \|$", PAGE, re.MULTILINE)
    assert rows == [other.command for other in OTHER_SERVERS]


def test_the_names_that_are_looked_for_stand_in_the_page() -> None:
    found = re.findall(r"`([a-z_]+)(?:\(\))?`", PAGE)
    order = [name for name in found if name in MODULE_NAMES]
    assert tuple(order[: len(MODULE_NAMES)]) == MODULE_NAMES
    assert {*VARIABLE_NAMES, *FACTORY_NAMES} <= {*found}


def _files(kind: Kind) -> dict[str, bytes]:
    return {
        str(path.relative_to(kind.folder)): path.read_bytes()
        for path in sorted(kind.folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
