"""System packages that apps ask for: which the server lacks, whether they may be installed.

Who pushes names them; an administrator of the server allows them, one by one or all.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from receiver.hosts.system_packages import by_hand
from receiver.machine import files
from receiver.model.errors import BuildError, ServerError, ShipError
from receiver.model.layout import Layout
from receiver.model.output import Output
from receiver.model.patterns import regex
from receiver.model.system_packages import Allowed, AllowedPackages
from receiver.server import Server
from receiver.state import records

_NOISE = (
    r"(?:Get|Hit|Ign):\d+ .*|Reading .*|Building .*|\(Reading database .*|Fetched .*|"
    r"Selecting previously .*|Preparing to unpack .*|Unpacking .*|Setting up .*|"
    r"Processing triggers for .*|The following .*:|\w+ packages:|  \S.*|.*disk space.*|"
    r"update-alternatives: .*|Need to get .*|No schema files found: .*|"
    r"(?:invoke-rc\.d|/usr/sbin/policy-rc\.d).*|Created symlink .*|debconf: .*|W: .*|"
    r"Preconfiguring packages .*|Extracting templates .*|\s*"
)
_UNKNOWN = regex(
    r"Unable to locate package (\S+)|Package '?(\S+?)'? has no installation candidate"
    r"|Couldn't find any package by (?:glob|regex) '(\S+)'"
)
_REMOVES = regex(r"Packages need to be removed|trying to remove")
_KEPT_BYTES = 64 * 1024


def allowed(layout: Layout) -> Mapping[str, Allowed]:
    """What an administrator has allowed by `ship packages:add`."""
    return (records.read_json(layout.packages, AllowedPackages) or AllowedPackages()).packages


def allow(server: Server, names: Collection[str], by: str) -> None:
    """Allow packages to all apps of the server."""
    entry = Allowed(by, server.clock.stamp())
    _change(server, lambda known: {**known, **dict.fromkeys(names, entry)})


def disallow(server: Server, names: Collection[str]) -> None:
    """Take them back."""
    _change(server, lambda known: {n: it for n, it in known.items() if n not in names})


def lacking(server: Server, names: Collection[str]) -> tuple[str, ...]:
    """Which of the packages that a push asks for have to be installed.

    Raises:
        BuildError: they may not be installed, or cannot be
    """
    if not names:
        return ()
    host = server.host.system_packages
    missing = host.missing(names)
    refused = missing
    if host.can_install:
        known = allowed(server.layout)
        free = server.settings.apt == "allow"
        refused = () if free else tuple(name for name in missing if name not in known)
    if refused:
        raise BuildError(
            f"The app needs system packages that this server lacks: {', '.join(refused)}.",
            detail="Packages are for the whole server: an administrator must allow them."
            if host.can_install
            else "This server runs without root, and installs no system packages.",
            advice=how_to_install(server, refused),
            reason="build/packages-missing",
        )
    return missing


def how_to_install(server: Server, names: Iterable[str]) -> str:
    """What to do to have packages installed on this server."""
    listed = tuple(names)
    if server.host.system_packages.can_install:
        return (
            f"Ask an administrator of the server to type `ship packages:add {' '.join(listed)}`, "
            "then push again."
        )
    return f"Install them on the server, `{by_hand(listed)}`, then push again."


def for_library(server: Server, log: str) -> str:
    """What to do to have the library on this server that an app could not load; nothing where that
    is not known.
    """
    from receiver.diagnosis.libraries import missing_library  # noqa: PLC0415 - only a failure needs it

    found = missing_library(log)
    if found is None:
        return ""
    named = [name for package in found.packages for name in (package, f"{package}t64")]
    known = server.host.system_packages.known([*named, *found.guesses])
    if guessed := [name for name in found.guesses if name in known]:
        return how_to_install(server, guessed[:1])
    # from 2024 on, some of Debian's libraries have names with this end
    newer = {n: f"{n}t64" for n in found.packages if n not in known and f"{n}t64" in known}
    names = [newer.get(name, name) for name in found.packages]
    return how_to_install(server, names) if names else ""


def install(server: Server, names: Collection[str], out: Output) -> None:
    """Install packages; their output is shown as far as it says something.

    Raises:
        ShipError: apt failed
    """
    out.step(f"Installing system packages: {', '.join(names)}")
    said = bytearray()

    def take(chunk: bytes) -> None:
        said.extend(chunk)
        del said[:-_KEPT_BYTES]
        out.feed(chunk, noise=_NOISE)

    status = server.host.system_packages.install(names, take)
    out.flush(noise=_NOISE)
    # what was provided by another name is there too
    missing = server.host.system_packages.missing(names)
    if status or missing:
        raise _failed(said.decode("utf-8", "replace"), missing or tuple(names))


def _failed(said: str, names: Collection[str]) -> ShipError:
    unknown = [next(filter(None, match.groups())) for match in _UNKNOWN.finditer(said)]
    listed = ", ".join(dict.fromkeys(unknown)) or ", ".join(names)
    if unknown:
        return BuildError(
            f"The server's distribution has no package {listed}.",
            detail="Names differ between distributions and their releases.",
            advice="Look for its name at https://packages.debian.org or "
            "https://packages.ubuntu.com, or by `apt-cache search` on the server.",
            reason="build/package-unknown",
        )
    end = "\n".join(said.strip().splitlines()[-10:])
    if _REMOVES.search(said):
        return BuildError(
            f"Installing {listed} would remove other packages of the server.",
            detail=end,
            advice="Ask for another package, or have the administrator install it by hand.",
            reason="build/packages-conflict",
        )
    return ServerError(
        f"The system packages could not be installed: {listed}.",
        detail=end,
        advice="The lines above are apt's. `ship doctor` shows whether dpkg was interrupted.",
        reason="server/packages-not-installed",
    )


def _change(server: Server, to: Callable[[Mapping[str, Allowed]], dict[str, Allowed]]) -> None:
    path = server.layout.packages
    with files.locked_file(path.with_suffix(".lock")):
        after = dict(sorted(to(allowed(server.layout)).items()))
        records.write_json(path, AllowedPackages(after))
