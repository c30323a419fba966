"""What is known of a release when a process of it fails, for the words on why."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from receiver.changes.app_state import AppState
from receiver.diagnosis.pushed import Pushed, normal_name
from receiver.model.errors import BuildError, CheckError
from receiver.model.patterns import regex
from receiver.model.release import Release
from receiver.state import records

if TYPE_CHECKING:
    from receiver.diagnosis.env_settings import Names
    from receiver.model.build import Tree

_KEPT_BYTES = 16 * 1024
_MOST_FILES = 2_000
_MOST_FILE_BYTES = 512 * 1024
"""What is larger was not written by hand."""
_REQUIREMENTS = regex(
    r"^(?:requirements[^/]*\.txt|requirements/.*\.txt|pyproject\.toml|uv\.lock|poetry\.lock|Pipfile)$"
)
_PYTHON = regex(r"[^/]+(?:/[^/]+){0,4}\.py$")
_SETTINGS = regex(r"settings(?:/[^/]+|[^/]*)\.py$")
_HOSTS = regex(
    r"^ALLOWED_HOSTS[ \t]*=[^\n]{0,200}?(?:environ|env|config)\b"
    r"""[^\n"']{0,99}["']([A-Z][A-Z0-9_]+)["']""",
    re.MULTILINE,
)
"""Settings of Django's that read the host names from a config var, by whatever library. Bounded:
whoever pushes could write a line that takes hours to look through.
"""


class Tail:
    """The end of what a process writes, which is read for why it failed."""

    def __init__(self) -> None:
        self._said = bytearray()

    def hear(self, chunk: bytes) -> None:
        """Take what it writes, as it comes."""
        self._said.extend(chunk)
        del self._said[:-_KEPT_BYTES]

    @property
    def said(self) -> bytes:
        """The end of it."""
        return bytes(self._said)


def cause(app: AppState, release: Release, said: bytes) -> CheckError | None:
    """Why a command of the app failed, by the end of what it wrote; None where nothing tells."""
    from tarfile import TarError  # noqa: PLC0415 - only a failure needs it

    from receiver.diagnosis import explain as diagnosis  # noqa: PLC0415 - as above
    from receiver.model.build import Tree  # noqa: PLC0415 - as above

    known = Pushed()
    with (
        suppress(OSError, TarError, BuildError),  # the words are not worth a failure of their own
        app.paths.release(release.version).slug.open("rb") as archive,
    ):
        known = known_of(Tree(archive))
    return diagnosis.of_command(
        said.decode("utf-8", "replace"), with_surroundings(known, app, release)
    )


def known_of(tree: "Tree") -> Pushed:
    """What a tree tells."""
    return Pushed(
        files=tuple(tree.files()),
        requirements="\n".join(_texts(tree, _REQUIREMENTS)),
        hosts_variable=_hosts_variable(tree),
        settings=_settings(tree),
    )


def with_surroundings(known: Pushed, app: AppState, release: Release) -> Pushed:
    """The same with what is around the tree: virtualenv and config vars."""
    config = records.read_config(app.paths.release(release.version).env)
    old = tuple(name for name, value in config.items() if value.startswith("postgres://"))
    return replace(known, installed=_installed(release), postgres=old)


def _installed(release: Release) -> Mapping[str, str] | None:
    """Names and versions of the packages in the virtualenv, as its folders tell them."""
    if release.venv is None:
        return None
    found = Path(release.venv).glob("lib/python3*/site-packages/*.dist-info")
    pairs = (path.name.removesuffix(".dist-info").partition("-") for path in found)
    return {normal_name(name): version for name, _, version in pairs}


def _settings(tree: "Tree") -> "Mapping[str, Names]":
    """The classes of pydantic's settings in the tree."""
    from receiver.diagnosis import env_settings  # noqa: PLC0415 - only a failure needs it

    texts = _texts(tree, _PYTHON)
    return env_settings.classes([text for text in texts if env_settings.BASE in text])


def _hosts_variable(tree: "Tree") -> str:
    texts = _texts(tree, _SETTINGS)
    return next((found[1] for text in texts if (found := _HOSTS.search(text))), "")


def _texts(tree: "Tree", pattern: re.Pattern[str]) -> Iterator[str]:
    paths = [path for path in tree.files() if pattern.search(path)]
    for path in sorted(paths, key=lambda path: path.count("/"))[:_MOST_FILES]:
        text = tree.peek(path, _MOST_FILE_BYTES)
        if text is not None:
            yield text.decode("utf-8", "replace")
