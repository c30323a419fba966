"""What lies around ship: memory that ran out, the clock, firewalls, and where the apps' names
lead.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from receiver.hosts.examiner import Subject
from receiver.hosts.process_ends import OUT_OF_MEMORY
from receiver.machine import proc, shell
from receiver.machine.firewall_rules import closed_by_ufw, closing_chains
from receiver.model.finding import Finding
from receiver.model.settings import Server, server_names

_SSH = 22
_QUICK_S = 3.0
_MIB = 1024 * 1024
_NO_SUCH_NAME = 2
"""What getent ends with."""
_NOBODY = "Visitors wait, and get no answer."


def look(settings: Server, apps: Collection[Subject]) -> Iterator[Finding]:
    """All of it."""
    yield from _memory({str(app.name) for app in apps})
    yield from _clock()
    yield from _firewall(settings.http_port)
    yield from _names(settings, apps)


def _memory(apps: Collection[str]) -> Iterator[Finding]:
    """Units of ship that the kernel took a process from since yesterday, for want of memory."""
    argv = (
        "journalctl",
        "--quiet",
        "--output=json",
        "--since=-24h",
        "--lines=50",
        "_UID=0",
        f"MESSAGE_ID={OUT_OF_MEMORY}",
    )
    killed: dict[str, int] = {}
    for line in _said(*argv).splitlines():
        unit = str(json.loads(line).get("UNIT", ""))
        if unit.startswith("ship-"):
            killed[unit] = killed.get(unit, 0) + 1
    for unit, times in killed.items():
        name = unit.removeprefix("ship-").partition(".")[0]
        yield Finding(
            name="memory.killed",
            app=name if name in apps else None,
            severity="warning",
            title=f"Memory ran out for {unit}.",
            seen=(
                f"A process of it was killed for that {times} times since yesterday.",
                *_meminfo(),
            ),
            means="A request that was under way got 502; a worker's job was cut off.",
            advice="`ship capacity` tells what fits. Fewer workers: `ship ps:scale web=1 -a "
            f"{name}`; a limit for"
            f" it alone: `ship limits:set memory=256M -a {name}`.",
        )


def _meminfo() -> tuple[str, ...]:
    memory = proc.machine_memory()
    return (f"Now {memory.available // _MIB} MiB of {memory.total // _MIB} MiB are available.",)


def _clock() -> Iterator[Finding]:
    if _said("systemd-detect-virt", "--container").strip() not in {b"", b"none"}:
        return  # a container's clock is its host's
    if _said("timedatectl", "show", "--property=NTPSynchronized", "--value").strip() != b"no":
        return
    yield Finding(
        name="clock.not-kept",
        severity="warning",
        title="Nothing keeps the clock of this machine right.",
        seen=("timedatectl says that it is not synchronized.",),
        means="Cron jobs start early or late; logins, tokens and certificates fail when it is far "
        "off.",
        advice="`timedatectl set-ntp true`, or `apt-get install systemd-timesyncd`.",
    )


def _firewall(http_port: int) -> Iterator[Finding]:
    for port, (program, advice) in _closed((_SSH, http_port)).items():
        yield Finding(
            name="firewall.closed",
            severity="broken",
            title=f"The firewall does not let port {port} through.",
            seen=(f"{program} drops what comes in, and has no rule that accepts port {port}.",),
            means=_NOBODY if port != _SSH else "Nobody new can push; a push from elsewhere hangs.",
            advice=advice,
        )


def _closed(ports: tuple[int, ...]) -> dict[int, tuple[str, str]]:
    """Ports that are closed, with the program that does it and what opens them."""
    if _ufw_is_on():
        closed = closed_by_ufw(_said("ufw", "status").decode(errors="replace"), ports)
        return {port: ("ufw", f"`ufw allow {port}/tcp`.") for port in closed}
    rules = _said("nft", "list", "ruleset").decode(errors="replace")
    chains = {port: found for port in ports if (found := closing_chains(rules, port))}
    return {port: ("nft", _opened(found, port)) for port, found in chains.items()}


def _opened(chains: tuple[str, ...], port: int) -> str:
    lines = ", ".join(f"`nft insert rule {chain} tcp dport {port} accept`" for chain in chains)
    return (
        f"{lines}. To keep that after a boot, add the rule where the others are, most often in "
        "/etc/nftables.conf."
    )


def _ufw_is_on() -> bool:
    with suppress(OSError):
        return "ENABLED=yes" in Path("/etc/ufw/ufw.conf").read_text(encoding="utf-8")
    return False


def _names(settings: Server, apps: Collection[Subject]) -> Iterator[Finding]:
    """Names that lead to another machine.

    One that leads nowhere yet is not told: the domain may be new.
    """
    names = {name: app for app in apps for name in server_names(settings, app.name, app.settings)}
    if not names:
        return
    own = set(_said("hostname", "-I").decode().split())
    for name, addresses in _addresses(names).items():
        if name in names and not addresses & own and not all(map(_is_private, own)):
            yield Finding(
                name="dns.elsewhere",
                app=names[name].name,
                severity="note",
                title=f"{name} leads to another address than this machine has.",
                seen=(
                    (
                        f"It leads to {', '.join(sorted(addresses))}; this machine has "
                        f"{', '.join(sorted(own))}."
                    ),
                ),
                means="Visitors come here only if what is there passes them on, as a proxy or a "
                "load balancer does.",
                advice="Without one in between, change the name's A and AAAA records.",
            )


def _addresses(names: Iterable[str]) -> dict[str, set[str]]:
    """Where names lead, of those that lead anywhere: for one that does not, getent fails, and
    tells of the others.
    """
    try:
        said = shell.capture(("getent", "ahosts", *names), limit_s=_QUICK_S).decode(
            errors="replace"
        )
    except shell.CommandError as error:
        said = error.output if error.status == _NO_SUCH_NAME else ""
    found: dict[str, set[str]] = {}
    for address, *rest in filter(None, map(str.split, said.splitlines())):
        if len(rest) == 2:  # noqa: PLR2004 - the first line of each name has it
            found.setdefault(rest[1], set())
        if found:
            found[next(reversed(found))].add(address)
    return found


def _is_private(address: str) -> bool:
    import ipaddress  # noqa: PLC0415 - only names that lead elsewhere need it

    try:
        return not ipaddress.ip_address(address).is_global
    except ValueError:
        return True


def _said(*argv: str) -> bytes:
    """What a program says; nothing where it is missing, fails or takes long: doctor goes on
    without it.
    """
    try:
        return shell.capture(argv, limit_s=_QUICK_S)
    except shell.CommandError:
        return b""
