"""What is done in an app's storage and in its release trees: by the app's own account, since
root follows no link of an app's.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from receiver.hosts import Host
from receiver.hosts.accounts import as_account
from receiver.machine import shell
from receiver.model.errors import ServerError, ShipError
from receiver.model.layout import AppPaths
from receiver.model.program import RUNTIME

_LIMIT_S = 3600.0


class RefusedError(ShipError):
    """The work was not done, for a reason that its caller can tell better."""

    default_reason = "server/storage"

    def __init__(self, word: str, text: str) -> None:
        super().__init__("The storage could not be changed.", detail=text)
        self.word = word
        self.text = text


def do(host: Host, paths: AppPaths, verb: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Have runtime/storage.py change something; returns its answer.

    Raises:
        RefusedError: it did not
        ServerError: it could not be asked
    """
    return _ask(host, paths, "storage.py", verb, request)


def look(host: Host, paths: AppPaths, verb: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Have runtime/storage_look.py find something out; raises as `do` does."""
    return _ask(host, paths, "storage_look.py", verb, request)


def _ask(
    host: Host, paths: AppPaths, program: str, verb: str, request: Mapping[str, Any]
) -> dict[str, Any]:
    account = as_account(host.accounts.owner(paths.name))
    argv = (*account, _python(host, paths), "-I", "-S", str(RUNTIME / program), verb)
    try:
        said = shell.capture(argv, given=json.dumps(request).encode(), limit_s=_LIMIT_S)
    except shell.CommandError as error:
        answer = _answer(error.output)
        if answer is None:
            raise ServerError(
                "The storage could not be looked after.",
                detail=error.output,
                reason="server/storage",
            ) from error
        raise RefusedError(str(answer["error"]), str(answer["text"])) from error
    return dict(json.loads(said))


def link(
    host: Host, paths: AppPaths, source: Path, mounts: Mapping[str, str]
) -> list[tuple[str, list[str]]]:
    """Have an app's storage appear in a tree that was just unpacked; returns what of the tree
    each mount hides.
    """
    request = {"source": str(source), "storage": str(paths.storage), "mounts": dict(mounts)}
    return list(do(host, paths, "link", request)["hidden"].items())


def used(host: Host, paths: AppPaths) -> int:
    """Bytes on disk that an app's storage holds."""
    found = look(host, paths, "used", {"storage": str(paths.storage)})["entries"]
    return sum(entry["bytes"] for entry in found.values())


def copying(host: Host, paths: AppPaths, *words: str) -> tuple[str, ...]:
    """The command line of runtime/storage_copy.py, for a job of the app's."""
    return (_python(host, paths), "-I", "-S", str(RUNTIME / "storage_copy.py"), *words)


def _python(host: Host, paths: AppPaths) -> str:
    """The system's, which every account may run."""
    return "/usr/bin/python3" if host.accounts.owner(paths.name) else sys.executable


def _answer(said: str) -> dict[str, Any] | None:
    try:
        found = json.loads(said)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "error" in found else None
