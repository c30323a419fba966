"""Advice on a tree that is refused leads past the refusal, when it is followed to the letter."""

import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

import pytest
from msgspec.structs import replace

from buildpacks.python.install_failures import explain
from receiver.building import other_pythons
from receiver.deploy.tree import pushed
from receiver.deploy.tree.opening import opened
from receiver.model.build import BuildPlan
from receiver.model.build import Command as Build
from receiver.model.errors import BuildError, ShipError
from receiver.model.output import Output
from receiver.model.release import Release
from receiver.model.webserver import Command
from receiver.model.weight import TreeLimits
from receiver.planner.web_part import WebPart, refuse_lost
from tests.advice_trees import FOLLOWED, OF_UV, TREES, UNTRIED, File, OfTree
from tests.followed import TESTS, unnamed
from tests.unit.trees import FACTS, archive

ERRORS = TESTS.parent / "docs/errors.md"
LIVE = Release(
    version=3,
    app="blog",
    commit="",
    description="",
    by="",
    created_at="",
    buildpack="python",
    python=None,
    venv=None,
    processes={"web": Command(command="gunicorn app:app")},
)


def test_each_reason_of_a_build_has_a_row_or_says_why_not() -> None:
    named = set(re.findall(r"^\| `(build/[a-z0-9-]+)` \|", ERRORS.read_text(), re.MULTILINE))
    rows = {row.reason for row in (*TREES, *OF_UV)}
    elsewhere = {reason for reasons in FOLLOWED.values() for reason in reasons}
    assert named == rows | elsewhere | UNTRIED.keys()
    assert not (rows | elsewhere) & UNTRIED.keys()


@pytest.mark.parametrize("place", FOLLOWED)
def test_a_test_that_follows_advice_is_there_and_has_its_reason(place: str) -> None:
    """In its own lines, or in the table that it is run by."""
    names = [reason.partition("/")[2] for reason in FOLLOWED[place]]
    assert unnamed(place, names) == []


@pytest.mark.parametrize("row", [*TREES, *OF_UV], ids=lambda row: f"{row.reason} {row.advice[:40]}")
def test_what_is_advised_leads_to_what_the_table_says(row: OfTree, tmp_path: Path) -> None:
    refused = _refusal(row, tmp_path)
    assert refused.reason == row.reason, refused
    assert row.advice in f"{refused.detail}\n{refused.advice}"
    followed = _edited(row) if row.does else _typed(row)
    assert row.gives in _decided(row, followed, tmp_path)


def _refusal(row: OfTree, folder: Path) -> ShipError:
    if row.log:
        error = explain(Build(("{uv}", "pip", "install"), explain="install"), row.log)
        venv = _plan(row, row.files, folder).virtualenv
        return other_pythons.with_line(error, venv.others if venv else {})
    with pytest.raises(BuildError) as refused:
        _decided(row, row.files, folder)
    return refused.value


def _decided(row: OfTree, files: Mapping[str, File], folder: Path) -> str:
    """What a push of these files says before anything is run, and what it would run."""
    plan = _plan(row, files, folder)
    lines = (f"{name}: {line}" for name, line in plan.processes.items())
    return "\n".join((plan.title, *plan.notices, *lines))


def _plan(row: OfTree, files: Mapping[str, File], folder: Path) -> BuildPlan:
    said, spooled = bytearray(), folder / "pushed.tar"
    spooled.write_bytes(archive(_with_folders(files)))
    out = Output(said.extend)
    with opened(spooled, TreeLimits(10_000, 10**7), out) as tree:
        manifest = pushed.read(tree, out).manifest
        facts = replace(FACTS, packages=manifest.build.packages)
        (step,) = pushed.plan_steps(tree, facts, (), {})
    assert isinstance(step, pushed.Planned)
    plan = step.plan
    part = WebPart(plan.processes, "/" in plan.static, manifest.web)
    refuse_lost(part, LIVE if row.is_live else None, stopped=False)
    return plan


def _with_folders(files: Mapping[str, File]) -> dict[str, File]:
    """With an entry for each folder before what is in it, as git writes them."""
    parents = {f"{folder}/" for name in files for folder in PurePosixPath(name).parents}
    return {**dict.fromkeys(sorted(parents - {"./"}), ""), **files}


def _edited(row: OfTree) -> dict[str, File]:
    """The files, after somebody did by hand what is advised."""
    now = {**row.files, **row.does}
    return {name: content for name, content in now.items() if content is not None}


def _typed(row: OfTree) -> dict[str, File]:
    """The files, after the command lines of the advice."""
    files = dict(row.files)
    for line in row.advice.splitlines():
        for command in line.split(" && "):
            _type(files, command.strip(), row.brings)
    return files


def _type(files: dict[str, File], command: str, brings: Mapping[str, File]) -> None:
    """Do what a command line does to the files of a checkout; only what is advised is known."""
    done: tuple[tuple[str, Callable[..., None]], ...] = (
        (r"git mv (\S.*)", lambda words: _move(files, *shlex.split(words))),
        (r"mv (\S+) (\S+)", lambda old, new: _move(files, old, new)),
        (r"git rm -r --cached --quiet (.+)", lambda word: _untrack(files, *shlex.split(word))),
        (r"echo (.+) > (\S+)", lambda word, name: _write(files, name, word, "")),
        (r"echo (.+) >> (\S+)", lambda word, name: _write(files, name, word, files.get(name, ""))),
        (r"sed -i 's/\\r\$//' (\S+)", lambda name: _replace(files, name, b"\r\n", b"\n")),
        (
            r"iconv -f (\S+) -t UTF-8 (\S+) > (\S+)",
            lambda code, name, new: files.update({new: _bytes(files[name]).decode(code).encode()}),
        ),
        (r"git (?:add|commit) .*", lambda: files.update(brings)),
        (
            r"(?:uv|poetry|pipenv) lock|(?:pdm export -o|pip freeze >|pip list .+ >) \S+",
            lambda: files.update(brings),
        ),
    )
    for pattern, do in done:
        if found := re.fullmatch(pattern, command):
            do(*found.groups())
            return
    raise AssertionError(f"nobody can type this: {command}")


def _move(files: dict[str, File], old: str, new: str) -> None:
    files[new] = files.pop(old)


def _untrack(files: dict[str, File], folder: str) -> None:
    for name in [name for name in files if name.startswith(f"{folder}/")]:
        del files[name]


def _write(files: dict[str, File], name: str, word: str, before: File) -> None:
    (text,) = shlex.split(word)
    files[name] = f"{_bytes(before).decode()}{text}\n"


def _replace(files: dict[str, File], name: str, old: bytes, new: bytes) -> None:
    files[name] = _bytes(files[name]).replace(old, new)


def _bytes(content: File) -> bytes:
    return content.encode() if isinstance(content, str) else content
