"""Doorway to dpkg and apt, for questions: what is installed, and what could be. It changes nothing,
and needs neither root nor a network.
"""

import re
from collections.abc import Collection, Iterable

from receiver.machine import shell
from receiver.model.patterns import regex

_LIST = ("dpkg-query", "--show", "--showformat", "${Package}\t${db:Status-Status}\t${Provides}\n")
CANDIDATE = regex(r"^(\S+):\n  Installed: .*\n  Candidate: (?!\(none\))", re.MULTILINE)
"""A package that could be installed, in what `apt-cache policy` says."""


def missing(names: Collection[str]) -> tuple[str, ...]:
    """Those packages that are not installed, and that no installed one provides.

    On a machine without dpkg, that is all of them.
    """
    if not names:
        return ()
    try:
        listed = shell.capture(_LIST).decode(errors="replace")
    except shell.CommandError:
        return tuple(names)
    there = set(_installed(listed.splitlines()))
    return tuple(name for name in names if name not in there)


def _installed(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        name, status, provides = line.split("\t")
        if status == "installed":
            yield name
            yield from (one.split()[0] for one in provides.split(",") if one.strip())


def known(names: Collection[str]) -> frozenset[str]:
    """Those packages that apt's lists have; none on a machine without apt, or without lists."""
    if not names:
        return frozenset()
    try:
        said = shell.capture(("apt-cache", "policy", "--", *names)).decode(errors="replace")
    except shell.CommandError:
        return frozenset()
    return frozenset(CANDIDATE.findall(said))


def is_interrupted() -> bool:
    """Whether dpkg was stopped in the middle of its work."""
    try:
        return bool(shell.capture(("dpkg", "--audit")).strip())
    except shell.CommandError:
        return False
