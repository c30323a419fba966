"""Docs and code say the same: reasons of errors, settings and their defaults, commands, links."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from receiver.building.pip_options import OPTIONS
from receiver.model.app_json import (
    AppJson,
    Buildpack,
    DokkuScripts,
    Formation,
    Healthcheck,
    Scripts,
    Variable,
    parse_app_json,
)
from receiver.model.catalogue import canonical
from receiver.model.check import Check
from receiver.model.cron import Cron, ListedJob
from receiver.model.errors import EXIT_CODES
from receiver.model.routing import Routing, meaning
from receiver.model.settings import (
    App,
    BuildRules,
    Manifest,
    ProcessRule,
    ReleasePhase,
    Server,
    Takeover,
)

PROJECT = Path(__file__).parents[2]
PAGES = [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").rglob("*.md"))]
REASON = re.compile(rf"(?:{'|'.join(EXIT_CODES)})/[a-z0-9-]+")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_UNBROKEN = re.compile(r"^\||^#|^\S*\]\(\S+$|https?://")
_TEST = re.compile(r"`(tests/[a-z0-9_/]+\.py)::([A-Za-z0-9_:]+)`")
SECTIONS: tuple[tuple[str, type[msgspec.Struct]], ...] = (
    ("## The server's ship.toml", Server),
    ("## app.toml", App),
    ("## ship.toml in the app", Manifest),
    ("### [build]", BuildRules),
    ("### [check]", Check),
    ("### [deploy]", Takeover),
    ("### [release]", ReleasePhase),
    ("### [process.TYPE]", ProcessRule),
    ("### [cron]", Cron),
)


def test_every_reason_in_the_code_is_documented_once_and_every_documented_one_raised() -> None:
    documented = Counter(
        re.findall(r"^\| `([a-z-]+/[a-z0-9-]+)` \|", _page("errors.md"), re.MULTILINE)
    )
    raised = set(_raised())
    assert sorted(raised - set(documented)) == [], "raised, and not in docs/errors.md"
    assert sorted(set(documented) - raised) == [], "in docs/errors.md, and never raised"
    assert max(documented.values()) == 1


def test_each_reason_stands_below_its_class_with_its_exit_code() -> None:
    named = dict(re.findall(r"^## ([a-z-]+): exit code (\d+)$", _page("errors.md"), re.MULTILINE))
    assert {name: int(code) for name, code in named.items()} == EXIT_CODES
    for section in _page("errors.md").split("\n## ")[1:]:
        kind = section.partition(":")[0]
        reasons = re.findall(r"^\| `([a-z-]+)/[a-z0-9-]+` \|", section, re.MULTILINE)
        assert set(reasons) <= {kind}


@pytest.mark.parametrize(
    ("heading", "kind"), SECTIONS, ids=lambda value: getattr(value, "__name__", "")
)
def test_every_setting_is_documented_with_its_default(
    heading: str, kind: type[msgspec.Struct]
) -> None:
    section = _page("configuration.md").split(f"\n{heading}\n")[1]
    section = re.split(r"^#{2,3} ", section, maxsplit=1, flags=re.MULTILINE)[0]
    written = dict(re.findall(r"^\| `([a-z_]+)` \| ([^|]*) \|", section, re.MULTILINE))
    declared = {field.encode_name: _shown_default(field) for field in msgspec.structs.fields(kind)}
    tables = {name for name, default in declared.items() if default == "a table"}
    assert written == {name: text for name, text in declared.items() if name not in tables}
    for name in tables:
        assert re.search(rf"^### \[{name}(\.TYPE)?\]$", _page("configuration.md"), re.MULTILINE)


def test_every_routing_setting_is_documented_as_it_is_declared() -> None:
    section = _page("routing.md").split("\n## All settings\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    declared = msgspec.structs.fields(Routing)
    assert rows == [
        f"| `{field.name}` | {_shown_default(field)} | {meaning(field.name)} |"
        for field in declared
    ]


def test_every_entry_of_app_json_is_documented() -> None:
    section = _page("configuration.md").split("\n## app.json\n")[1].split("\n## ")[0]
    written = re.findall(r"^\| `([A-Za-z_.]+)` \|", section, re.MULTILINE)
    named: dict[str, type[msgspec.Struct]] = {
        "cron": ListedJob,
        "buildpacks": Buildpack,
        "env.NAME": Variable,
        "formation.TYPE": Formation,
        "healthchecks.web": Healthcheck,
        "scripts": Scripts,
        "scripts.dokku": DokkuScripts,
    }
    declared = [
        f"{way}.{name}" for way, kind in named.items() for name in kind.__struct_encode_fields__
    ]
    used = AppJson.__struct_fields__
    assert {way.partition(".")[0] for way in named} == set(used)
    assert sorted(written) == sorted(name for name in declared if name not in named)


def test_the_app_json_that_is_shown_is_read_whole() -> None:
    section = _page("configuration.md").split("\n## app.json\n")[1]
    shown = section.split("```json\n")[1].split("```")[0]
    assert parse_app_json(shown.encode())[1] == ""


def test_every_option_of_pip_that_a_push_uses_or_names_is_documented() -> None:
    section = _page("configuration.md").split("\n## Settings of pip\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    written = [re.findall(r"`([a-z0-9-]+)`", line.split(" | ")[0]) for line in rows]
    *used, unused = written
    assert {name for names in used for name in names} == {
        option for option, row in OPTIONS.items() if callable(row)
    }
    assert set(unused) == {option for option, row in OPTIONS.items() if isinstance(row, str)}


@pytest.mark.parametrize("page", ["README.md", "docs/operations.md"])
def test_commands_that_are_written_out_exist(page: str) -> None:
    typed = list(_typed((PROJECT / page).read_text()))
    assert typed
    assert not [command for command in typed if canonical(command) is None]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in _anchors(file), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_lines_have_at_most_100_columns(page: Path) -> None:
    """But for rows of tables, headings and links, which cannot be broken; and what is generated."""
    if page.name == "commands.md":
        return
    lines = enumerate(page.read_text().splitlines(), 1)
    long = [(number, line) for number, line in lines if len(line) > 100]
    assert [each for each in long if not _UNBROKEN.search(each[1])] == []


def test_reasons_of_errors_are_in_alphabetical_order() -> None:
    for section in _page("errors.md").split("\n## ")[1:]:
        reasons = re.findall(r"^\| `([a-z-]+/[a-z0-9-]+)` \|", section, re.MULTILINE)
        assert reasons == sorted(reasons)


def test_decision_records_have_numbers_of_their_own_and_their_parts() -> None:
    records = sorted((PROJECT / "docs/decisions").glob("*.md"))
    numbers = [int(record.name[:4]) for record in records]
    assert len(set(numbers)) == len(numbers)
    for record in records:
        text = record.read_text()
        assert text.startswith(f"# {record.name[:4]}: ")
        for part in ("## Context", "## Decision", "## What would make us reconsider"):
            assert part in text, f"{record.name} lacks {part}"


def _raised() -> Iterator[str]:
    """Every reason that stands in the code as a text of its own, and those of the hooks."""
    for source in [*PROJECT.glob("receiver/**/*.py"), *PROJECT.glob("buildpacks/**/*.py")]:
        text = source.read_text()
        if not REASON.search(text):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from filter(REASON.fullmatch, (node.value,))
    for hook in ("pre-receive", "post-receive"):
        yield from re.findall(rf"({REASON.pattern})\b", (PROJECT / "hooks" / hook).read_text())


@pytest.mark.parametrize(
    ("name", "first", "last", "least"),
    [
        ("security.md", "A key with a grant", "What is not defended", 40),
        ("reliability.md", "Faults, and their tests", "At random", 12),
    ],
)
def test_each_claim_of_a_page_names_tests_that_exist(
    name: str, first: str, last: str, least: int
) -> None:
    """Between these headings, each row of a table is a claim and its tests."""
    page = _page(name)
    claims = page.split(f"\n## {first}\n")[1].split(f"\n## {last}\n")[0]
    rows = [line for line in claims.splitlines() if line.startswith("| ")]
    rows = [line for line in rows if not line.endswith(" test |")]
    assert len(rows) > least
    assert [row for row in rows if not _TEST.search(row)] == []
    named = set(_TEST.findall(page))
    assert sorted(named - {one for path, _ in named for one in _tests_of(path)}) == []


def _tests_of(path: str) -> Iterator[tuple[str, str]]:
    """The tests of a module, as `path::name` names them."""
    file = PROJECT / path
    for node in ast.parse(file.read_text()).body if file.exists() else ():
        inside = node.body if isinstance(node, ast.ClassDef) else ()
        for function in (node, *inside):
            if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
                of_class = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
                yield path, of_class + function.name


def _page(name: str) -> str:
    return (PROJECT / "docs" / name).read_text()


def _shown_default(field: msgspec.structs.FieldInfo) -> str:
    if field.default_factory is not msgspec.NODEFAULT or isinstance(field.default, msgspec.Struct):
        return "a table"
    if field.default is msgspec.NODEFAULT:
        return "none, it has to be there"
    if field.default is None:
        return "none"
    return f"`{msgspec.json.encode(field.default).decode()}`"


def _typed(text: str) -> Iterator[str]:
    """Names of commands after `ship`, or after `ssh ship@…`, in blocks of code and in line."""
    for code in re.findall(r"```\w*\n(.*?)```|`([^`\n]+)`", text, re.DOTALL):
        for line in (code[0] or code[1]).splitlines():
            for found in re.finditer(r"(?:^\s*(?:\$ )?|ssh )ship(?:@\S+)? ([a-z][a-z:-]*)", line):
                yield found[1]


def _anchors(page: Path) -> set[str]:
    """Anchors as code forges make them of headings."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}
