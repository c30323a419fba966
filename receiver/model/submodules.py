"""Submodules of a pushed commit: where they are from, by its .gitmodules. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from receiver.model.errors import BuildError
from receiver.model.patterns import regex

FILE_NAME = ".gitmodules"
MOST = 50
"""More than anybody has; whoever lists them stops behind one more."""
_COMMIT = regex(r"[0-9a-f]{40}")
_SSH = regex(r"(?:ssh://)?(?:[\w.-]+@)(?P<host>[\w.-]+)(?::\d+/|[:/]/?)(?P<path>[^\s]+)")
_OTHER = regex(r"(?:git|http)://(?P<host>[\w.-]+)/(?P<path>[^\s]+)")
_HTTPS = regex(r"https://[^\s/\x00-\x1f][^\s\x00-\x1f]*")


class Submodule(NamedTuple):
    """A folder of a commit whose files are of another repository."""

    path: str
    commit: str


def parse_words(words: Iterable[str]) -> tuple[Submodule, ...]:
    """Submodules as the hook gives them, `COMMIT PATH` each.

    Raises:
        BuildError: there are more than anybody has
    """
    found = []
    for word in words:
        commit, _, path = word.partition(" ")
        if _COMMIT.fullmatch(commit) and path:
            found.append(Submodule(path, commit))
    if len(found) > MOST:
        raise BuildError(
            f"The commit has more than {MOST} submodules.",
            advice="Commit the files themselves, or install them as packages.",
            reason="build/submodules",
        )
    return tuple(found)


def addresses(text: str) -> Mapping[str, str]:
    """What .gitmodules says: addresses by path."""
    found: dict[str, str] = {}
    path = url = ""
    for line in [*text.splitlines(), "["]:
        if line.lstrip().startswith("["):
            if path and url:
                found[path.removesuffix("/")] = url
            path = url = ""
        else:
            name, _, value = line.partition("=")
            name, value = name.strip().lower(), value.strip().strip('"')
            path = value if name == "path" else path
            url = value if name == "url" else url
    return found


def public_address(url: str) -> str:
    """The address by https, also of one that is named for ssh, git or http; empty where there is
    none.
    """
    if _HTTPS.fullmatch(url):
        return url
    other = _OTHER.fullmatch(url) or _SSH.fullmatch(url)
    return f"https://{other['host']}/{other['path']}" if other else ""
