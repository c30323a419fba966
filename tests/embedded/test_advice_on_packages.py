"""Advice on packages that cannot be installed is followed to the letter: real uv, and an index of
the test's own, which has what is named here.
"""

import hashlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from receiver.machine import shell
from receiver.model.errors import ShipError
from tests.embedded.package_index import Index, package_index, sdist, source_package, wheel
from tests.embedded.planned_build import Builder, FailedCommandError

pytestmark = pytest.mark.embedded

UV = Path(sys.executable).with_name("uv")
TOOL, NEWER_TOOL = wheel("shiptoy", "1.0"), wheel("shiptoy", "2.0")
OWN = {"app.py": "", "Procfile": "web: python app.py\n"}


def broken_wheel() -> tuple[str, bytes]:
    """One whose metadata break the rules, as those of some old packages do."""
    info, file = "shipold-1.0.dist-info", io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        needs = "Requires-Dist: pytz !! dev\n"
        start = "Metadata-Version: 2.1\nName: shipold\nVersion: 1.0\n"
        packed.writestr(f"{info}/METADATA", f"{start}{needs}")
        packed.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        packed.writestr(f"{info}/RECORD", "")
    return "shipold-1.0-py3-none-any.whl", file.getvalue()


def needy_source() -> tuple[str, bytes]:
    """One whose build imports what it does not ask for."""
    files = source_package("", "shipneedy", "")
    return sdist(
        "shipneedy", "1.0", {**files, "backend.py": f"import numpy\n{files['backend.py']}"}
    )


PACKAGES = dict(
    [
        TOOL,
        NEWER_TOOL,
        needy_source(),
        wheel("shipneedy", "2.0"),
        broken_wheel(),
        wheel("shipold", "2.0"),
    ]
)


def own_project(requires: str) -> dict[str, str]:
    """The app as a package, whose build imports shiptoy."""
    files = source_package("", "blog", "hello")
    project = files["pyproject.toml"].replace("requires = []", f"requires = [{requires}]")
    return {
        **OWN,
        **files,
        "pyproject.toml": project,
        "backend.py": f"import shiptoy\n{files['backend.py']}",
        "requirements.txt": ".\n",
    }


def _asked(*lines: str) -> dict[str, str]:
    return {**OWN, "requirements.txt": "".join(f"{line}\n" for line in lines)}


def _hash(package: tuple[str, bytes]) -> str:
    return f"--hash=sha256:{hashlib.sha256(package[1]).hexdigest()}"


@dataclass(frozen=True)
class Row:
    """Files that uv fails on, what is advised, and the files after somebody followed it."""

    reason: str
    files: Mapping[str, str]
    advice: str
    followed: Mapping[str, str]
    gives: str
    """A package that is installed then."""
    config: Mapping[str, str] = field(default_factory=dict)
    """Config vars at first, besides the index."""


ROWS = (
    Row(
        "build/requirements-unresolvable",
        _asked("shiptoy==9.1"),
        "Ask for a version that exists, then commit and push again.",
        _asked("shiptoy==2.0"),
        "shiptoy",
    ),
    Row(
        "build/requirements-unresolvable",
        _asked("shiptoy==1.0", "shiptoy>1"),
        "Widen or drop one of the versions named above, then commit and push again.",
        _asked("shiptoy>1"),
        "shiptoy",
    ),
    Row(
        "build/hash-mismatch",
        _asked(f"shiptoy==1.0 --hash=sha256:{'0' * 64}"),
        "Make the hashes again from an index that you trust, then commit.",
        _asked(f"shiptoy==1.0 {_hash(TOOL)}"),
        "shiptoy",
    ),
    Row(
        "build/package-metadata",
        _asked("shipold==1.0"),
        "Ask for a newer version of shipold.",
        _asked("shipold>1.0"),
        "shipold",
    ),
    Row(
        "build/package-build-failed",
        _asked("shipneedy==1.0"),
        "Its build imports numpy without asking for it. Ask for a newer version of the package",
        _asked("shipneedy>1.0"),
        "shipneedy",
    ),
    Row(
        "build/own-project",
        own_project(""),
        "Its build imports shiptoy: name that in `requires` below [build-system] of pyproject.toml",
        own_project("'shiptoy'"),
        "blog",
    ),
    Row(
        "build/network",
        _asked("shiptoy"),
        "If it stays, check the server's network and its pip settings.",
        _asked("shiptoy"),
        "shiptoy",
        {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple/", "UV_HTTP_RETRIES": "0"},
    ),
)


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    with package_index(PACKAGES) as found:
        yield found


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    (tmp_path / "source").mkdir()
    return Builder(tmp_path, UV, tmp_path / "cache", alone=True)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.reason} {row.advice[:30]}")
def test_what_is_advised_is_installed(row: Row, index: Index, builder: Builder) -> None:
    here = {"UV_DEFAULT_INDEX": index.url}
    refused = _refused(builder, row.files, {**here, **row.config})
    assert refused.reason == row.reason, refused
    assert row.advice in refused.advice
    _install(builder, row.followed, here)
    assert row.gives in builder.installed()


def test_an_index_that_is_busy_is_asked_again_in_a_while(index: Index, builder: Builder) -> None:
    """For build/network."""
    files, config = _asked("shiptoy"), {"UV_DEFAULT_INDEX": index.url, "UV_HTTP_RETRIES": "0"}
    index.busy = 20
    refused = _refused(builder, files, config)
    index.busy = 0
    assert refused.reason == "build/network"
    assert refused.advice.startswith("Push again in a while.")
    _install(builder, files, config)


def test_what_nobody_knows_is_tried_on_the_own_machine(index: Index, builder: Builder) -> None:
    """For build/install-failed: it fails there in the same words, until it is corrected."""
    config = {"UV_DEFAULT_INDEX": index.url}
    refused = _refused(builder, _asked("--find-links gone", "shiptoy"), config)
    assert refused.reason == "build/install-failed", refused
    assert "Try the same on your machine with `uv pip install`." in refused.advice
    told = subprocess.run(
        (UV, "pip", "install", "--python", builder.venv, "-r", "requirements.txt"),
        cwd=builder.source,
        env={**shell.PLAIN_ENVIRONMENT, **config, "HOME": str(builder.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode
    assert told.stderr.strip().splitlines()[-1].strip() in refused.detail
    _install(builder, _asked("shiptoy"), config)


def _refused(builder: Builder, files: Mapping[str, str], config: Mapping[str, str]) -> ShipError:
    with pytest.raises(FailedCommandError) as failed:
        builder.build(dict(files), config)
    return failed.value.explained


def _install(builder: Builder, files: Mapping[str, str], config: Mapping[str, str]) -> None:
    """What another push does, in the virtualenv that is made already."""
    builder.unpack(dict(files))
    wanted = builder.plan(dict(files), config).virtualenv
    assert wanted is not None
    for command in wanted.install:
        builder.run(command, config)
