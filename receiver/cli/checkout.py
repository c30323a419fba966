"""The git checkout that a command is typed in: which of its remotes are ship's, and whose apps
they are.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from receiver.model.errors import GitError, NotFoundError, UsageError
from receiver.model.names import AppName
from receiver.model.patterns import regex

REMOTE = "prod"
"""What Ship calls the git remote that it adds to a checkout."""
_ACCOUNT = "ship"
_SSH_URL = regex(
    r"ssh://(?:(?P<user>[^@/]+)@)?(?P<host>\[[^\]]+\]|[^:/]+)(?::(?P<port>\d+))?/(?:~/)?(?P<app>[^/]+?)(?:\.git)?/?"
)
_SSH_SHORT = regex(
    r"(?:(?P<user>[^@/:]+)@)?(?P<host>\[[^\]]+\]|[^@:/]+):(?:/|~/)?(?P<app>[^/]+?)(?:\.git)?/?"
)
_HTTP = regex(r"https?://(?:[^@/]*@)?(?P<host>[^/]+)/git/(?P<app>[^/]+?)(?:\.git)?/?")


class Destination(NamedTuple):
    """A server that is reached by ssh."""

    address: str
    """As ssh takes it, such as `ship@vps`."""
    port: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Destination":
        """`ship@vps`, `vps`, `ship@vps:2222` or `ssh://ship@vps:2222`; the account is ship
        unless named.

        Raises:
            UsageError: it is none of these
        """
        bare = text.removeprefix("ssh://").rstrip("/")
        found = re.fullmatch(r"(?:([^@/:\s]+)@)?(\[[^\]\s]+\]|[^@:/\s]+)(?::(\d+))?", bare)
        if found is None or bare.startswith("-"):
            raise UsageError(
                f"{text!r} does not name a server.",
                advice="Write it as `ship@vps`, or `ship@vps:2222` with a port.",
                reason="usage/bad-server",
            )
        return cls(f"{found[1] or _ACCOUNT}@{found[2]}", found[3])

    def remote_of(self, app: str) -> str:
        """The git remote of an app on this server."""
        if self.port is None:
            return f"{self.address}:{app}"
        return f"ssh://{self.address}:{self.port}/{app}"


class Remote(NamedTuple):
    """A git remote that leads to an app of a ship server."""

    name: str
    app: AppName
    destination: Destination | None
    """None when it is reached over HTTP."""
    is_ship: bool
    """Whether its address alone tells that it is ship's."""


class Checkout:
    """The remotes of the repository around a folder; there are none outside of one."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._variables = variables

    def urls(self) -> dict[str, str]:
        """All remotes, by name."""
        listing = self._git("config", "--get-regexp", r"^remote\..*\.url$")
        pairs = (line.partition(" ") for line in listing.splitlines())
        return {
            key.removeprefix("remote.").removesuffix(".url"): url
            for key, _, url in reversed(list(pairs))
        }

    def exists(self) -> bool:
        """Whether the folder is part of a repository."""
        return bool(self._git("rev-parse", "--git-dir"))

    def head(self) -> str | None:
        """The commit that is checked out; None where there is none."""
        return self._git("rev-parse", "--verify", "--quiet", "HEAD^{commit}").strip() or None

    def branch(self) -> str | None:
        """The branch that is checked out; None for a commit by itself."""
        return self._git("symbolic-ref", "--quiet", "--short", "HEAD").strip() or None

    def has_changes(self) -> bool:
        """Whether something is changed or new, and not committed."""
        return bool(self._git("status", "--porcelain"))

    def remote_head(self, target: str) -> tuple[str | None, str | None]:
        """The branch that a remote deploys, and the commit that it is at; None before the first
        push.
        """
        listing = self._git("ls-remote", "--symref", "--", target, "HEAD")
        branch = re.search(r"^ref: refs/heads/(\S+)\tHEAD$", listing, re.MULTILINE)
        commit = re.search(r"^([0-9a-f]{40})\tHEAD$", listing, re.MULTILINE)
        return branch and branch[1], commit and commit[1]

    def set_remote(self, name: str, url: str) -> None:
        """Make `name` lead to `url`, whether it was there or not."""
        verb = ("set-url",) if name in self.urls() else ("add",)
        self._git("remote", *verb, "--", name, url, needed=True)

    def rename_app(self, old: AppName, new: AppName) -> list[str]:
        """Have the remotes that lead to `old` lead to `new`; returns their names."""
        found = [remote.name for remote in self.ship_remotes() if remote.app == old]
        urls = self.urls()
        for name in found:
            self.set_remote(name, with_app(urls[name], new))
        return found

    def remove_remote(self, name: str) -> None:
        """Remove a remote."""
        self._git("remote", "remove", "--", name, needed=True)

    def find(self, name: str) -> Remote:
        """The remote of this name.

        Raises:
            NotFoundError: there is none, or it does not lead to an app
        """
        urls = self.urls()
        found = parse_remote(name, urls[name]) if name in urls else None
        if found is None:
            seen = f"It leads to {urls[name]}." if name in urls else _listed(list(urls))
            raise NotFoundError(
                f"There is no git remote {name} that leads to an app.",
                detail=seen,
                advice="Add it with `ship git:remote -a NAME`, or name the app with `--app NAME`.",
                reason="not-found/remote",
            )
        return found

    def ship_remotes(self) -> list[Remote]:
        """Remotes that are ship's by their address, by name."""
        parsed = (parse_remote(name, url) for name, url in sorted(self.urls().items()))
        return [remote for remote in parsed if remote is not None and remote.is_ship]

    def only_remote(self) -> Remote | None:
        """The one app that this checkout is of; None when it is of none.

        Raises:
            UsageError: there are several, and nothing says which one is meant
        """
        remotes = self.ship_remotes()
        if len({(remote.app, remote.destination) for remote in remotes}) <= 1:
            return remotes[0] if remotes else None
        raise UsageError(
            "Several git remotes of this checkout lead to apps.",
            detail="\n".join(f"{remote.name}  ({remote.app})" for remote in remotes),
            advice=f"Say which one: `--remote {remotes[0].name}`, or `--app {remotes[0].app}`.",
            reason="usage/several-remotes",
        )

    def _git(self, *words: str, needed: bool = False) -> str:
        from receiver.machine import shell

        try:
            said = shell.capture(("git", *words), env=self._variables, cwd=self._folder)
        except shell.CommandError as error:
            if needed:
                raise GitError(
                    "git could not change the remotes of this checkout.",
                    detail=error.output.strip(),
                    reason="git/remote",
                ) from error
            return ""
        return said.decode("utf-8", "surrogateescape")


def parse_remote(name: str, url: str) -> Remote | None:
    """A remote, if its address can be that of an app."""
    found = _match(url)
    try:
        app = AppName.parse(found["app"]) if found else None
    except UsageError:
        return None
    if found is None or app is None:
        return None
    if found.re.pattern == _HTTP.pattern:
        return Remote(name, app, None, is_ship=True)
    user, host = found["user"], found["host"]
    if (user or host).startswith("-"):
        return None  # ssh would take it for an option
    address = f"{user}@{host}" if user else host
    port = found.groupdict().get("port")
    return Remote(name, app, Destination(address, port), is_ship=user == _ACCOUNT)


def with_app(url: str, app: AppName) -> str:
    """The same address, of another app."""
    found = _match(url)
    return url[: found.start("app")] + app + url[found.end("app") :] if found else url


def _match(url: str) -> re.Match[str] | None:
    forms = (_HTTP, _SSH_URL) if "://" in url else (_SSH_SHORT,)
    return next((found for form in forms if (found := form.fullmatch(url))), None)


def _listed(names: Sequence[str]) -> str:
    return (
        f"Remotes of this checkout: {', '.join(sorted(names))}." if names else "There is no remote."
    )
