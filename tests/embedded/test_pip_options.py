"""The real uv goes by what pip's options become: with each, something else is installed."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from receiver.building.pip_options import OPTIONS
from receiver.machine import shell
from receiver.model.build import Command
from tests.certificates import server_context
from tests.embedded.package_index import Index, package_index, sdist, wheel
from tests.embedded.planned_build import Builder, FailedCommandError

pytestmark = pytest.mark.embedded

BACKEND = '''
"""Writes into the one module how it was built: with which shiphelp, and which settings."""
import pathlib, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    try:
        import shiphelp
        by = shiphelp.SAYS
    except ImportError:
        by = "nothing"
    said = f"built with {by} {config_settings or ''}".strip()
    info = "shipbuilt-1.0.dist-info"
    files = {
        "shipbuilt.py": f"SAYS = {said!r}",
        f"{info}/METADATA": "Metadata-Version: 2.1\\nName: shipbuilt\\nVersion: 1.0\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    record = "".join(f"{path},,\\n" for path in files) + f"{info}/RECORD,,\\n"
    name = "shipbuilt-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as packed:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            packed.writestr(path, text)
    return name
'''
PROJECT = """
[project]
name = "shipbuilt"
version = "1.0"

[build-system]
requires = ["shiphelp"]
build-backend = "backend"
backend-path = ["."]
"""
PACKAGES = dict(
    [
        *(wheel("shipfirst", version, "shipsecond") for version in ("1.0", "2.0", "3.0b1")),
        *(wheel("shipsecond", version) for version in ("1.0", "2.0b1")),
        *(wheel("shiphelp", version) for version in ("1.0", "2.0")),
        wheel("shipbuilt", "0.9"),
        sdist("shipbuilt", "1.0", {"backend.py": BACKEND, "pyproject.toml": PROJECT}),
        wheel("shipboth", "1.0"),
        sdist("shipboth", "1.0", {"setup.py": "from setuptools import setup\nsetup(nothing)\n"}),
    ]
)
ELSEWHERE = dict([wheel("shipindexed", "1.0")])
LOCKED = """
[project]
name = "locked"
version = "1"
requires-python = ">=3.9"
dependencies = ["shipbuilt"]
"""


@dataclass(frozen=True)
class Case:
    """An option, and what the requirement leads to without it and with it."""

    value: str
    asked: str
    before: str = ""
    after: str = ""
    shows: str = ""
    """The package that is looked at, where it is not the one that is asked for."""


FAILS = "fails: "
CASES = {
    "constraint": Case("{folder}/c.txt", "shipfirst", "shipfirst 2.0", "shipfirst 1.0"),
    "pre": Case("true", "shipfirst", "shipfirst 2.0", "shipfirst 3.0b1"),
    "all-releases": Case("shipfirst", "shipfirst", "shipfirst 2.0", "shipfirst 3.0b1"),
    "only-final": Case(":all:", "shipsecond>1", "shipsecond 2.0b1", f"{FAILS}shipsecond>1"),
    "no-deps": Case(
        "1", "shipfirst", "shipsecond 1.0", f"{FAILS}No module named 'shipsecond'", "shipsecond"
    ),
    "require-hashes": Case("yes", "shipfirst==1.0", "shipfirst 1.0", f"{FAILS}must have a hash"),
    "no-index": Case("1", "shipindexed", "shipindexed 1.0", f"{FAILS}shipindexed"),
    "find-links": Case("{folder}/empty", "shipfirst", "shipfirst 2.0", f"{FAILS}shipfirst"),
    "extra-index-url": Case(
        "file://{folder}/empty", "shipindexed", "shipindexed 1.0", f"{FAILS}shipindexed"
    ),
    "index-url": Case("{index}", "shipindexed", f"{FAILS}shipindexed", "shipindexed 1.0"),
    "no-binary": Case("shipboth", "shipboth", "shipboth 1.0", f"{FAILS}shipboth"),
    "only-binary": Case(":all:", "shipbuilt", "built with shiphelp 2.0", "shipbuilt 0.9"),
    "build-constraint": Case(
        "{folder}/c.txt", "shipbuilt", "built with shiphelp 2.0", "built with shiphelp 1.0"
    ),
    "no-build-isolation": Case("no", "shipbuilt", "built with shiphelp 2.0", "built with nothing"),
    "config-settings": Case(
        "--speed=9",
        "shipbuilt",
        "built with shiphelp 2.0",
        "built with shiphelp 2.0 {'--speed': '9'}",
    ),
}
INDEXED = Case("", "shipindexed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels and source packages, constraints, and a place with nothing in it."""
    made = tmp_path_factory.mktemp("packages")
    (made / "wheels").mkdir()
    (made / "empty").mkdir()
    for name, data in PACKAGES.items():
        (made / "wheels" / name).write_bytes(data)
    (made / "c.txt").write_text("-c more.txt\n")
    (made / "more.txt").write_text("shipfirst<2\nshiphelp<2\n")
    return made


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    with package_index(ELSEWHERE) as found:
        yield found


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[], Builder]:
    """Makes a builder with nothing in its folder nor in its cache."""
    uv = Path(sys.executable).with_name("uv")

    def make() -> Builder:
        number = len(list(tmp_path.glob("app-*")))
        made = Builder(tmp_path / f"app-{number}", uv, tmp_path / f"cache-{number}", alone=True)
        made.source.mkdir(parents=True)
        return made

    return make


@pytest.fixture
def config(folder: Path, index: Index) -> dict[str, str]:
    """Config vars that lead to these packages and no others."""
    return {
        "PIP_INDEX_URL": f"file://{folder}/empty",
        "PIP_EXTRA_INDEX_URL": index.url,
        "PIP_FIND_LINKS": str(folder / "wheels"),
    }


def test_every_translated_option_is_tried_here() -> None:
    translated = {option for option, row in OPTIONS.items() if callable(row)}
    others = {
        name.removeprefix("test_").replace("_", "-")
        for name in globals()
        if name.startswith("test_")
    }
    assert translated - set(CASES) - others == set()


@pytest.fixture(scope="module")
def known() -> dict[str, str]:
    """What came of requirements without an option, so that it is seen once."""
    return {}


@pytest.mark.parametrize("option", CASES)
def test_uv_goes_by(
    fresh: Callable[[], Builder],
    folder: Path,
    index: Index,
    config: dict[str, str],
    known: dict[str, str],
    option: str,
) -> None:
    case = CASES[option]
    start = config if option != "index-url" else {**config, "PIP_EXTRA_INDEX_URL": ""}
    key = f"{case.asked} {case.shows} {start['PIP_EXTRA_INDEX_URL']}"
    known[key] = known.get(key) or _outcome(fresh(), start, case)
    assert _fits(known[key], case.before)
    changed = start | _setting(option, case.value.format(folder=folder, index=index.url))
    assert _fits(_outcome(fresh(), changed, case), case.after)


SYNCED = {
    "no-binary": (":all:", "fails: `--no-binary`"),
    "only-binary": ("shipbuilt", "fails: marked as `--no-build`"),
    "no-build-isolation": ("no", "built with nothing"),
    "config-settings": ("--speed=9", "built with shiphelp 2.0 {'--speed': '9'}"),
}
DECIDED = {
    "constraint": "{folder}/c.txt",
    "build-constraint": "{folder}/c.txt",
    "pre": "1",
    "uploaded-prior-to": "2020-01-01",
    "no-deps": "1",
    "no-index": "1",
    "require-hashes": "1",
}
"""Any of them could have `uv sync` call the lock out of date, or install something else."""


@pytest.mark.parametrize("option", SYNCED)
def test_uv_sync_goes_by(fresh: Callable[[], Builder], config: dict[str, str], option: str) -> None:
    value, after = SYNCED[option]
    builder = fresh()
    files = _locked(builder, config)
    outcome = _outcome(builder, config | _setting(option, value), Case("", "shipbuilt"), files)
    assert _fits(outcome, after)


def test_a_lock_of_uv_is_installed_as_it_is(
    fresh: Callable[[], Builder], folder: Path, config: dict[str, str]
) -> None:
    builder = fresh()
    files = _locked(builder, config)
    for option, value in DECIDED.items():
        config |= _setting(option, value.format(folder=folder))
    assert _outcome(builder, config, Case("", "shipbuilt"), files) == "built with shiphelp 2.0"


def _locked(builder: Builder, config: Mapping[str, str]) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {
        "pyproject.toml": LOCKED,
        "app.py": "",
        "Procfile": "web: true",
    }
    builder.unpack(files)
    builder.run(Command(("{uv}", "lock", "--python", "/usr/bin/python3")), config)
    files["uv.lock"] = (builder.source / "uv.lock").read_text()
    return files


def _setting(option: str, value: str) -> dict[str, str]:
    return {f"PIP_{option.upper().replace('-', '_')}": value}


def _fits(outcome: str, expected: str) -> bool:
    """Whether it is so, or failed with these words."""
    if expected.startswith(FAILS):
        return outcome.startswith(FAILS) and expected.removeprefix(FAILS) in outcome
    return outcome == expected


def test_cert(fresh: Callable[[], Builder], tmp_path: Path, config: dict[str, str]) -> None:
    tls = server_context(tmp_path, "IP:127.0.0.1", asks=False)
    with package_index(ELSEWHERE, tls=tls) as index:
        config |= {"PIP_EXTRA_INDEX_URL": index.url, "PIP_CERT": str(tmp_path / "client.pem")}
        _change(fresh, config, {"PIP_CERT": str(tmp_path / "ca.crt")})


def test_client_cert(fresh: Callable[[], Builder], tmp_path: Path, config: dict[str, str]) -> None:
    tls = server_context(tmp_path, "IP:127.0.0.1", asks=True)
    with package_index(ELSEWHERE, tls=tls) as index:
        config |= {"PIP_EXTRA_INDEX_URL": index.url, "PIP_CERT": str(tmp_path / "ca.crt")}
        _change(fresh, config, {"PIP_CLIENT_CERT": str(tmp_path / "client.pem")})


def test_trusted_host(fresh: Callable[[], Builder], tmp_path: Path, config: dict[str, str]) -> None:
    tls = server_context(tmp_path, "DNS:other.example", asks=False)
    with package_index(ELSEWHERE, tls=tls) as index:
        config |= {"PIP_EXTRA_INDEX_URL": index.url}
        _change(fresh, config, {"PIP_TRUSTED_HOST": f"a.example 127.0.0.1:{index.port}"})


def test_keyring_provider(
    fresh: Callable[[], Builder], tmp_path: Path, config: dict[str, str]
) -> None:
    keyring = tmp_path / "keyring"
    keyring.write_text('#!/bin/sh\n[ "$1 $3" = "get buyer" ] && echo "the:password"\n')
    keyring.chmod(0o755)
    with package_index(ELSEWHERE, "buyer", "the:password") as index:
        config |= {"PIP_EXTRA_INDEX_URL": index.url.replace("//", "//buyer@")}
        config |= {"PATH": f"{tmp_path}:{shell.PLAIN_ENVIRONMENT['PATH']}"}
        _change(fresh, config, {"PIP_KEYRING_PROVIDER": "subprocess"})


def test_proxy(fresh: Callable[[], Builder], index: Index, config: dict[str, str]) -> None:
    config |= {"PIP_EXTRA_INDEX_URL": "http://packages.invalid/simple/", "PIP_RETRIES": "0"}
    _change(fresh, config, {"PIP_PROXY": f"http://127.0.0.1:{index.port}"})


def test_retries(fresh: Callable[[], Builder], index: Index, config: dict[str, str]) -> None:
    config |= {"PIP_RETRIES": "0"}
    index.busy = 1
    assert _outcome(fresh(), config, INDEXED).startswith(FAILS)
    index.busy = 1
    assert _outcome(fresh(), config | {"PIP_RETRIES": "2"}, INDEXED) == "shipindexed 1.0"


def test_timeout(fresh: Callable[[], Builder], config: dict[str, str]) -> None:
    with package_index(ELSEWHERE) as index:
        index.slow_s = 2
        config |= {"PIP_EXTRA_INDEX_URL": index.url, "PIP_RETRIES": "0", "PIP_TIMEOUT": "0.5"}
        _change(fresh, config, {"PIP_TIMEOUT": "30"})


@pytest.mark.parametrize(
    ("until", "version"), [("2021-01-01", "1.0"), ("2023-05-01T10:00:00", "2.0"), ("P3D", "2.0")]
)
def test_uploaded_prior_to(
    fresh: Callable[[], Builder], config: dict[str, str], until: str, version: str
) -> None:
    files = dict([wheel("shipindexed", "1.0"), wheel("shipindexed", "2.0")])
    with package_index(files) as index:
        years = zip(files, ("2020", "2022"), strict=True)
        index.uploaded = {file: f"{year}-06-01T00:00:00Z" for file, year in years}
        config |= {"PIP_EXTRA_INDEX_URL": index.url, "PIP_UPLOADED_PRIOR_TO": until}
        assert _outcome(fresh(), config, INDEXED) == f"shipindexed {version}"


def _change(
    fresh: Callable[[], Builder], config: Mapping[str, str], change: Mapping[str, str]
) -> None:
    """What cannot be installed can be with the change."""
    assert _outcome(fresh(), config, INDEXED).startswith(FAILS)
    assert _outcome(fresh(), {**config, **change}, INDEXED) == "shipindexed 1.0"


def _outcome(
    builder: Builder,
    config: Mapping[str, str],
    case: Case,
    files: Mapping[str, str | bytes] | None = None,
) -> str:
    """What a package says of itself; or why it could not be installed."""
    plain = {"app.py": "", "Procfile": "web: true", "requirements.txt": f"{case.asked}\n"}
    try:
        builder.build(files or plain, config)
    except FailedCommandError as error:
        return f"{FAILS}{error}"
    name = case.shows or case.asked.partition("=")[0].partition(">")[0]
    argv = (f"{builder.venv}/bin/python", "-c", f"import {name}; print({name}.SAYS)")
    try:
        return shell.capture(argv).decode().strip()
    except shell.CommandError as error:
        return f"{FAILS}{error.output}"
