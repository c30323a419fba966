"""`ship doctor` as a story: look at everything, tell what is not as it should be; with `--fix`,
mend and look again.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from receiver.apps.parts import PARTS
from receiver.doctor import (
    certificates,
    chain,
    closed,
    disk,
    entrance,
    front_door,
    leftovers,
    ownership,
    processes,
    releases,
    system_packages,
    unit_files,
)
from receiver.doctor.repair import Repairer
from receiver.doctor.seen import AppSeen, Seen, look_at_apps
from receiver.model.errors import ShipError
from receiver.model.finding import EXIT_FINDINGS, Finding
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.server import Server
from receiver.state import records

_MOST_TRIED = 2
"""What could not be mended may be, after something else was."""
_ROUNDS = 5
"""Repairs uncover what they hid: a missing account, then its files."""


class Report(NamedTuple):
    """What was found."""

    findings: tuple[Finding, ...]
    busy: dict[AppName, str]
    """Apps that were left out, because somebody is at work on them."""
    looked_at: tuple[AppName, ...]
    of_server: bool = True
    """Whether the server itself was looked at as well."""

    @property
    def exit_code(self) -> int:
        """0 when nothing is broken, or will be."""
        return EXIT_FINDINGS if any(each.severity != "note" for each in self.findings) else 0


def examine(server: Server, only: AppName | None, *, of_server: bool = True) -> Report:
    """Look at the server and its apps, or at one app and what it needs; changes nothing, and
    takes no lock.

    Args:
        server: the server
        only: the app, or None for all
        of_server: whether what belongs to no app is told: not to a key that is of single apps
    """
    names = records.app_names(server.layout) if only is None else [server.app(only).name]
    busy = {name: told for name in names if (told := leftovers.at_work(server.layout.app(name)))}
    found, troubles = look_at_apps(server, [name for name in names if name not in busy])
    apps = tuple(found)
    seen = Seen(server, apps, server.host.examiner(server.settings, apps))
    door, dump = front_door.look(seen)
    whole = [*door, *_of_server(seen, dump, everything=only is None)] if of_server else []
    of_apps = [finding for app in found for finding in _of_app(seen, app)]
    return Report((*whole, *troubles, *of_apps), busy, tuple(names), of_server)


def heal(
    server: Server,
    only: AppName | None,
    out: Output,
    rebuild: Callable[[AppName], int],
    *,
    of_server: bool = True,
) -> Report:
    """Mend what can be mended, one finding after the other, and look again until nothing new can
    be.
    """
    repairer, tried = Repairer(server, out, rebuild), Counter[tuple[str, str | None, str]]()
    report = examine(server, only, of_server=of_server)
    for _ in range(_ROUNDS):
        ready = [each for each in report.findings if each.repair and tried[each.key] < _MOST_TRIED]
        tried.update(each.key for each in ready)
        mended = [_mend(repairer, each, out) for each in ready]
        if not ready:
            break
        report = examine(server, only, of_server=of_server)
        if not any(mended):
            break
    return report


def _mend(repairer: Repairer, finding: Finding, out: Output) -> bool:
    where = f"{finding.app}: " if finding.app else ""
    out.step(f"{where}{finding.title}")
    out.say(f"Repair: {finding.does}.")
    try:
        repairer.mend(finding)
    except ShipError as error:
        out.warn(f"Not mended. {error.title}")
        out.warn("\n".join(line for line in (error.detail, error.advice) if line))
    except OSError as error:
        out.warn(f"Not mended: {error}.")
    else:
        return True
    return False


def _of_server(seen: Seen, dump: str, *, everything: bool) -> Iterable[Finding]:
    """What concerns all apps. For one app alone, what its visitors or pushes meet."""
    yield from entrance.look(seen)
    yield from ownership.server(seen)
    yield from disk.look(seen)
    yield from system_packages.look(seen)
    if everything:
        yield from certificates.look(seen, dump)
        yield from seen.examiner.of_surroundings()


def _of_app(seen: Seen, app: AppSeen) -> list[Finding]:
    found = [*leftovers.look(app)]
    if found and found[0].severity == "broken":
        return found  # half a change says nothing of what should be
    found += leftovers.of_pushes(app, seen.server.layout.repo(app.name))
    found += entrance.app(seen, app)
    if seen.server.host.accounts.separate and app.owner is None:
        # without an account, nothing else can be right
        return [*chain.look(seen, app, found), *found]
    found += ownership.app(seen, app)
    found += releases.look(seen, app)
    found += system_packages.app(seen, app)
    found += unit_files.look(seen, app)
    for part in PARTS:
        found += part.examine(app)
    found += closed.look(app)
    if seen.examiner.is_up:
        found += processes.look(seen, app)
        found += front_door.site(seen, app)
        found = [*chain.look(seen, app, found), *found]
    return found
