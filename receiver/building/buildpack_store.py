"""Buildpacks of git repositories, fetched once for each ref and kept as tar files that no app
can write.

git runs as an account that owns nothing, in a folder of its own, without hooks and settings; root
takes what it prints, and runs and opens nothing of it.
"""

import base64
import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from receiver.machine import files, shell
from receiver.model.classic import GitSource
from receiver.model.errors import BuildError

_NOBODY = 65_534
_LIMIT_S = 120.0
_NO_SETTINGS = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "https:http",
}


def stored(folder: Path, source: GitSource, certificates: Mapping[str, str]) -> Path:
    """The tar file of a buildpack, fetched unless it is there.

    Args:
        folder: where they are kept
        source: which one
        certificates: variables that tell git which authorities this machine trusts

    Raises:
        BuildError: it cannot be fetched
    """
    digest = hashlib.sha256(f"{source.url}#{source.ref}".encode()).hexdigest()[:32]
    path = folder / f"{digest}.tar"
    folder.parent.mkdir(parents=True, exist_ok=True)
    files.make_folder(folder, mode=0o700)  # whoever reads one is not asked for its repository's key
    if not path.exists():
        try:
            packed = _fetched(source, certificates)
        except shell.CommandError as error:
            raise _not_fetched(source, error.output) from error
        files.write_atomically(path, packed, mode=0o600)
    return path


def _fetched(source: GitSource, certificates: Mapping[str, str]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="ship-buildpack-") as place:
        env = {**_NO_SETTINGS, **certificates, **_signed_in(source), "HOME": place}
        argv = _as_nobody(place)

        def git(*words: str) -> bytes:
            return shell.capture(
                (*argv, "/usr/bin/git", *words), env=env, cwd=Path(place), limit_s=_LIMIT_S
            )

        git("init", "-q", "--bare", "--template=", ".")
        git(
            "-c",
            "core.hooksPath=/dev/null",
            "fetch",
            "-q",
            "--depth=1",
            "--",
            source.url,
            source.ref,
        )
        return git("archive", "--format=tar", "FETCH_HEAD")


def _signed_in(source: GitSource) -> dict[str, str]:
    """Name and password for git, by its environment: others can read a command line."""
    if not source.credentials:
        return {}
    told = base64.b64encode(source.credentials.encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {told}",
    }


def _as_nobody(place: str) -> tuple[str, ...]:
    if os.geteuid() != 0:
        return ()
    os.chown(place, _NOBODY, _NOBODY)
    ids = (f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")
    return ("/usr/bin/setpriv", *ids, "--no-new-privs", "--pdeathsig", "KILL")


def _not_fetched(source: GitSource, said: str) -> BuildError:
    return BuildError(
        f"The buildpack {source.name} could not be fetched.",
        detail=f"From {source.address}, {source.ref}:\n{said.strip()}",
        advice="Push again in a while. If it stays, the server's administrator has to look at its "
        "line below"
        " [buildpacks] in the server's ship.toml.",
        reason="build/buildpack-not-fetched",
    )
