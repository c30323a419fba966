"""What uv's failures mean: its output becomes a title, what was seen, what to do, and a stable
reason.
"""

import re
import sys
from collections.abc import Callable

from buildpacks.python.build_failures import explain_build
from receiver.model.build import Command
from receiver.model.errors import BuildError, ShipError, disk_full
from receiver.model.patterns import regex
from receiver.model.source_build import NoWheelError

_EXCERPT_LINES = 20
_ERROR_START = regex(r"^\s*(error:|\u00d7|Caused by:)", re.MULTILINE)
_COLOUR = regex(r"\x1b\[[0-9;]*m")
_NO_NETWORK = (
    r"(?i)dns error|failed to lookup address|connection refused|connect error|timed out"
    r"|network is unreachable|failed to fetch|error sending request|could not connect"
)
_WHEELS_FOR = regex(r"following Python (?:ABI )?tags?:([^\n]*)")
_CPYTHON_TAG = regex(r"`cp3(\d+)")
_PASSWORD = regex(r"(?<=://)[^/@\s]+@")

_Explained = Callable[[re.Match[str], str], BuildError]


def explain(command: Command, output: str) -> ShipError:
    """The error for a failed command of the virtualenv, from all that it wrote."""
    text = _PASSWORD.sub("***@", _COLOUR.sub("", output))
    seen = _excerpt(text)
    for pattern, explained in _KNOWN:
        if match := pattern.search(text):
            error = explained(match, seen)
            return _naming_index(command, _naming_added(command, error))
    return BuildError(
        "The app's packages could not be installed.",
        detail=seen,
        advice="The lines above are uv's. Try the same on your machine with `uv pip install`.",
        reason="build/install-failed",
    )


def _excerpt(text: str) -> str:
    """From the error on; of a long one, its start and the end, which holds the cause."""
    start = _ERROR_START.search(text)
    lines = text[start.start() if start else 0 :].strip().splitlines()
    if len(lines) <= _EXCERPT_LINES:
        return "\n".join(lines)
    half = _EXCERPT_LINES // 2
    return "\n".join([*lines[:half], f"[{len(lines) - 2 * half} lines left out]", *lines[-half:]])


def _naming_added(command: Command, error: BuildError) -> BuildError:
    """Say so when what ship adds itself may be in the way."""
    added = [word for word in command.argv if word.startswith("gunicorn==")]
    if added and "gunicorn" in error.detail and error.reason == "build/requirements-unresolvable":
        error.advice += (
            f" {added[0]} was added, because no gunicorn is named;"
            " name the one that you want, and it is taken instead."
        )
    return error


def _naming_index(command: Command, error: BuildError) -> BuildError:
    """Say so when the package was looked for in an index that a lock file names, which may want
    a password.
    """
    named = [word for word in command.argv if re.match(r"[a-z0-9_]+=https?://", word)]
    if not named or error.reason != "build/package-not-found":
        return error
    name, _, url = named[0].partition("=")
    upper = name.upper()
    error.advice = (
        f"The lock file takes it from the index {name}, {url}."
        + (" Check whether it has the package" if command.secrets else " It may want a password")
        + ". A lock of poetry gets the name and password from the config vars "
        f"POETRY_HTTP_BASIC_{upper}_USERNAME"
        f" and POETRY_HTTP_BASIC_{upper}_PASSWORD; one of pipenv from those that the "
        "Pipfile names, as in"
        " `https://${NAME}:${PASSWORD}@…`."
    )
    return error


def _disk_full(_: re.Match[str], seen: str) -> BuildError:
    return disk_full(seen)


def _lock_outdated(_: re.Match[str], seen: str) -> BuildError:
    return BuildError(
        "uv.lock does not fit pyproject.toml.",
        detail=seen,
        advice="Run `uv lock`, commit uv.lock, and push again.",
        reason="build/lock-outdated",
    )


def _unparsable(match: re.Match[str], seen: str) -> BuildError:
    return BuildError(
        f"{match[1]} cannot be read by uv.",
        detail=seen,
        advice="Repair the named place and commit again.",
        reason="build/project-file-invalid",
    )


def _hash(match: re.Match[str], seen: str) -> BuildError:
    return BuildError(
        f"The package {match[1]} is not the one that was locked: its hash differs.",
        detail=seen,
        advice="Make the hashes again from an index that you trust, then commit. If they were right"
        " before, the package was changed behind its version number.",
        reason="build/hash-mismatch",
    )


def _python_mismatch(match: re.Match[str], seen: str) -> BuildError:
    return BuildError(
        f"A package does not support Python {match[1]}, on which this app is built.",
        detail=seen,
        advice="Ask for another version of the package, or for another Python in .python-version.",
        reason="build/python-version-mismatch",
    )


def _platform(match: re.Match[str], seen: str) -> BuildError:
    name = match[1]
    return BuildError(
        f"The package {name} is not made for this kind of machine.",
        detail=seen,
        advice="If only your own machine needs it, say so behind it, as in"
        f" `{name}; sys_platform == 'win32'`, or take the line out.",
        reason="build/platform-mismatch",
    )


def _not_found(match: re.Match[str], seen: str) -> BuildError:
    name = match[1]
    return BuildError(
        f"There is no package {name} in the package index.",
        detail=seen,
        advice=_about_name(name),
        reason="build/package-not-found",
    )


def _about_name(name: str) -> str:
    if name == "pkg-resources":
        return "`pip freeze` of some systems writes this line by mistake: delete it."
    if name.replace("-", "_") in sys.stdlib_module_names:
        return f"{name} comes with Python and needs no requirement: delete the line."
    return (
        f"Check how {name} is spelt: the name to import and the name to install often differ."
        " A private package needs its index in the config var PIP_EXTRA_INDEX_URL. One that "
        "refuses the name and password in its address counts as empty."
    )


def _no_version(match: re.Match[str], seen: str) -> BuildError:
    return BuildError(
        f"There is no version of a package as it is asked for: {match[1]}.",
        detail=seen,
        advice="Ask for a version that exists, then commit and push again.",
        reason="build/requirements-unresolvable",
    )


def _unresolvable(_: re.Match[str], seen: str) -> BuildError:
    return BuildError(
        "The app's requirements contradict each other.",
        detail=seen,
        advice="Widen or drop one of the versions named above, then commit and push again.",
        reason="build/requirements-unresolvable",
    )


def _invalid(match: re.Match[str], seen: str) -> BuildError:
    return BuildError(
        f"A line of {match[1].rpartition('/')[2]} is not a requirement.",
        detail=seen,
        advice="Each line is a package name, and a version if you want: `flask` or `flask==3.1.0`.",
        reason="build/requirements-invalid",
    )


def _access(_: re.Match[str], seen: str) -> BuildError:
    return BuildError(
        "A package index refused to be read.",
        detail=seen,
        advice="Check the name and password in the index address of the app's config vars. For an "
        "index NAME of pyproject.toml, uv takes them from the config vars UV_INDEX_NAME_USERNAME "
        "and UV_INDEX_NAME_PASSWORD.",
        reason="build/index-refused",
    )


def _no_wheel(match: re.Match[str], seen: str) -> BuildError:
    tags = _WHEELS_FOR.search(seen)
    minors = sorted({int(minor) for minor in _CPYTHON_TAG.findall(tags[1])}) if tags else []
    return NoWheelError(
        f"{match[1]}{match[2] or ''}", [f"3.{minor}" for minor in minors], detail=seen
    )


def _broken_metadata(match: re.Match[str], seen: str) -> BuildError:
    return BuildError(
        f"The package {match[1]} has broken metadata, and cannot be installed.",
        detail=seen,
        advice="Its own description of what it needs breaks the rules, as that of some old "
        "packages does. Ask for"
        f" a newer version of {match[1]}.",
        reason="build/package-metadata",
    )


def _local_path(match: re.Match[str], seen: str) -> BuildError:
    return BuildError(
        "The requirements name a file of another computer.",
        detail=seen,
        advice=f"There is no {match[1]} on the server. `pip freeze` writes such lines for packages "
        "of conda, or of a folder of yours. Name the package and"
        " its version instead; `pip list --format=freeze > requirements.txt` writes all lines so.",
        reason="build/requirements-local-path",
    )


def _git_ssh(_: re.Match[str], seen: str) -> BuildError:
    return BuildError(
        "A package could not be fetched from its git repository by ssh.",
        detail=seen,
        advice="A build has no ssh key. Name the repository by https, with a token in a config var:"
        " `NAME @ git+https://${GIT_TOKEN}@github.com/YOU/NAME`, and `ship config:set "
        "GIT_TOKEN=...`.",
        reason="build/git-failed",
    )


def _git(_: re.Match[str], seen: str) -> BuildError:
    return BuildError(
        "A package could not be fetched from its git repository.",
        detail=seen,
        advice="Check the address, the branch and whether the server may read it; a private "
        "repository"
        " needs a token in the address, or a package in an index.",
        reason="build/git-failed",
    )


def _network(_: re.Match[str], seen: str) -> BuildError:
    return BuildError(
        "The package index could not be reached.",
        detail=seen,
        advice="Push again in a while. If it stays, check the server's network and its pip "
        "settings.",
        reason="build/network",
    )


_KNOWN: tuple[tuple[re.Pattern[str], _Explained], ...] = tuple(
    (regex(pattern), explained)
    for pattern, explained in (
        (r"No space left on device|Disk quota exceeded", _disk_full),
        (r"needs to be updated, but `--(?:locked|frozen)`", _lock_outdated),
        (r"[Ff]ailed to parse:? `?(pyproject\.toml|uv\.lock|uv\.toml)", _unparsable),
        (r"Hash mismatch for `([^`]+)`", _hash),
        (r"Distribution not found at: (?:file://)?(\S+)", _local_path),
        (r"git fetch [^\n]*(?:ssh://|git@)[^\0]*Could not read from remote", _git_ssh),
        (r"Git operation failed|failed to (?:clone|fetch) (?:into|branch|commit|tag)", _git),
        (
            r"Failed to (?:download and )?build:? `([^`]+)`|The build backend returned an error",
            explain_build,
        ),
        (r"HTTP status client error \((?:401|403)|(?:401|403) (?:Unauthorized|Forbidden)", _access),
        (_NO_NETWORK, _network),
        (r"[Cc]ouldn't parse requirement in `([^`]+)`", _invalid),
        (r"[Ee]rror parsing included file in `([^`]+)`", _invalid),
        (r"Unsupported requirement in (\S+)", _invalid),
        (r"resolved to Python ([0-9.]+), which is incompatible", _python_mismatch),
        (r"current Python version\s+\(([0-9.]+)\)\s+does\s+not\s+satisfy", _python_mismatch),
        (r"([\w.-]+)\s+was\s+not\s+found\s+in\s+the\s+(?:package\s+registry|provided)", _not_found),
        (r"Metadata for `([^`]+)` .*could not be parsed", _broken_metadata),
        (
            r"Because ([\w.-]+?)([=<>~!]=?\S+)? has\s+no\s+wheels\s+with\s+a\s+matching\s+Python",
            _no_wheel,
        ),
        (r"Because ([\w.-]+?)(?:[=<>~!]=?\S+)? has\s+no\s+wheels\s+with\s+a\s+matching", _platform),
        (r"there\s+(?:is|are)\s+no\s+versions?\s+of\s+(\S+)\s+and\s+you\s+require", _no_version),
        (r"No solution found", _unresolvable),
    )
)
"""In order: a full disk shows in any other failure, and a build's own output may hold anything."""
