"""Pythons that ship fetches itself: which there are, and how one comes to this machine, by uv.

They belong to whoever ship runs as, root on a VPS, and every app may run them. So nothing of an
app's has a say in where they come from: only the server's own settings do.
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from receiver.building import interpreters, pip_settings
from receiver.machine import files, shell
from receiver.model.build import Interpreter
from receiver.model.errors import BuildError
from receiver.model.layout import Layout
from receiver.model.patterns import regex
from receiver.model.settings import Server
from receiver.state import records

_FINAL = regex(r"3\.\d+\.\d+")
_LIST_LIMIT_S = 20.0
_ALWAYS = {"UV_NO_CACHE": "1", "UV_NO_PROGRESS": "1", "UV_SYSTEM_CERTS": "1"}
_FORBIDDING = ("UV_PYTHON_DOWNLOADS", "UV_NO_MANAGED_PYTHON")
"""What builds are told, so that none of them fetches a Python for itself."""
_FETCHING = ("python", "install", "--no-bin", "--compile-bytecode")


class _Offer(msgspec.Struct):
    """One line of uv's list, as far as it is of interest."""

    key: str
    version: str
    implementation: str
    variant: str = "default"


class _Known(msgspec.Struct, frozen=True):
    """What uv offered, and the uv and the list that it did so from."""

    made_of: tuple[str, int, str, int]
    offered: tuple[Interpreter, ...]


def fetchable(layout: Layout, settings: Server) -> tuple[Interpreter, ...]:
    """Pythons that can be fetched, with the paths that they will have; none where fetching is
    forbidden.

    uv is asked again when it, or the server's own list, was replaced.
    """
    if not settings.fetch_pythons:
        return ()
    record, made_of = layout.state / "fetchable.json", _made_of(settings)
    known = records.read_json(record, _Known)
    if known is None or known.made_of != made_of:
        known = _Known(made_of, _offered(layout, settings))
        records.write_json(record, known)
    return tuple(one for one in known.offered if not Path(one.path).exists())


def fetch(layout: Layout, settings: Server, wanted: Interpreter, env: Mapping[str, str]) -> None:
    """Have `wanted` on this machine; nothing happens when it is there.

    Args:
        layout: the server's places
        settings: of the server
        wanted: one of those that can be fetched
        env: how this machine reaches the network

    Raises:
        BuildError: it could not be downloaded, or does not run
    """
    place = layout.pythons
    place.mkdir(mode=0o755, parents=True, exist_ok=True)
    with files.locked_file(place / ".ship.lock"):
        if Path(wanted.path).exists():
            return
        home = place / Path(wanted.path).relative_to(place).parts[0]
        files.remove_tree(home)
        try:
            _install(settings, place, wanted, env)
        except BaseException:
            files.remove_tree(home)
            raise
        for leftover in (".lock", ".gitignore"):  # uv's own, and anybody could hold the lock
            (place / leftover).unlink(missing_ok=True)
        shutil.rmtree(place / ".temp", ignore_errors=True)


def _install(settings: Server, place: Path, wanted: Interpreter, env: Mapping[str, str]) -> None:
    argv = (_uv(), *_FETCHING, "--install-dir", str(place), *_list(settings), wanted.version)
    reach = {name: value for name, value in env.items() if name not in _FORBIDDING}
    mirror = {"UV_PYTHON_INSTALL_MIRROR": settings.python_mirror} if settings.python_mirror else {}
    try:
        shell.capture(
            argv,
            env={**_environment(), **reach, **mirror},
            limit_s=settings.build_limit_s,
        )
    except shell.CommandError as error:
        raise _failed(wanted, error.output) from error
    if not any(
        one.version == wanted.version for one in interpreters.find([Path(wanted.path).parent])
    ):
        raise _failed(wanted, "It was downloaded, and does not run on this machine.")


def _failed(wanted: Interpreter, seen: str) -> BuildError:
    return BuildError(
        f"Python {wanted.version} is not on this server, and could not be fetched.",
        detail=pip_settings.without_passwords("\n".join(seen.strip().splitlines()[:12])),
        advice="Push again in a while. If it stays, ask for a Python that is here, have the "
        "server's administrator"
        " install this one, or set python_mirror in the server's ship.toml.",
        reason="build/python-download-failed",
    )


def _offered(layout: Layout, settings: Server) -> tuple[Interpreter, ...]:
    argv = (
        _uv(),
        "python",
        "list",
        "--only-downloads",
        "--all-versions",
        "--output-format",
        "json",
    )
    try:
        said = shell.capture((*argv, *_list(settings)), env=_environment(), limit_s=_LIST_LIMIT_S)
        offers = msgspec.json.decode(said, type=list[_Offer])
    except (shell.CommandError, msgspec.DecodeError):
        return ()  # then what is here has to do
    return tuple(
        Interpreter(str(_program(layout, one)), one.version)
        for one in offers
        if one.implementation == "cpython"
        and one.variant == "default"
        and _FINAL.fullmatch(one.version)
    )


def _program(layout: Layout, offer: _Offer) -> Path:
    minor = offer.version.rpartition(".")[0]
    return layout.pythons / offer.key / "bin" / f"python{minor}"


def _made_of(settings: Server) -> tuple[str, int, str, int]:
    uv = Path(_uv())
    own = Path(settings.python_list) if settings.python_list.startswith("/") else None
    mtime = own.stat().st_mtime_ns if own and own.exists() else 0
    return str(uv), uv.stat().st_mtime_ns, settings.python_list, mtime


def _list(settings: Server) -> tuple[str, ...]:
    return ("--python-downloads-json-url", settings.python_list) if settings.python_list else ()


def _environment() -> dict[str, str]:
    return {**shell.PLAIN_ENVIRONMENT, **_ALWAYS}


def _uv() -> str:
    return str(Path(sys.executable).with_name("uv"))
