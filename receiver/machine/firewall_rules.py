"""Whether a firewall keeps visitors or people with keys out, by what ufw and nft say. Pure."""

import re

from receiver.model.patterns import regex

_INPUT = regex(r"type filter hook input\b.*policy drop;")
_TABLE = regex(r"^table ", re.MULTILINE)
_PORTS = regex(r"dport (?:\{([^}]*)\}|(\S+))")
_JUMPS = regex(r"\b(?:jump|goto)\b")
_PROFILES = {
    22: ("OpenSSH",),
    80: ("Nginx HTTP", "Nginx Full", "WWW", "WWW Full"),
    443: ("Nginx HTTPS", "Nginx Full", "WWW Secure", "WWW Full"),
}
"""What ufw's packages call ports."""
_NAMES = {"ssh": 22, "http": 80, "https": 443}


def closed_by_ufw(status: str, ports: tuple[int, ...]) -> tuple[int, ...]:
    """Ports that ufw lets nobody reach, of what `ufw status` prints."""
    if not status.startswith("Status: active"):
        return ()
    return tuple(
        port for port in ports if not any(_lets_in(line, port) for line in status.splitlines())
    )


def named_by_ufw(added: str, port: int) -> bool:
    """Whether a rule, of those that `ufw show added` prints, is about a port, whatever it says:
    somebody has decided on it.
    """
    number = re.compile(rf"(?:^|[\s,]){port}(?:/tcp)?(?=[\s,]|$)")
    profiles = [f"'{name}'" if " " in name else name for name in _PROFILES.get(port, ())]
    return any(
        number.search(rule) or any(rule.endswith(f" {name}") for name in profiles)
        for rule in added.splitlines()
        if rule.startswith("ufw ")
    )


def closed_by_nft(rules: str, ports: tuple[int, ...]) -> tuple[int, ...]:
    """Ports that a chain of nft drops, of `nft list ruleset`."""
    return tuple(port for port in ports if closing_chains(rules, port))


def closing_chains(rules: str, port: int) -> tuple[str, ...]:
    """The chains of nft, such as `inet filter input`, that drop a port with no rule of their own
    that names it.

    A chain that jumps elsewhere is not judged: what is told has to be sure.
    """
    return tuple(
        f"{table.partition(' {')[0]} {chain.partition(' {')[0]}"
        for table in _TABLE.split(rules)[1:]
        for chain in table.split("chain ")[1:]
        if _closes(chain, port)
    )


def _closes(chain: str, port: int) -> bool:
    lines = chain.partition("\n\t}")[0].splitlines()
    takes_all = any(map(_INPUT.search, lines)) and not _JUMPS.search(chain)
    return takes_all and port not in _named(lines)


def _named(lines: list[str]) -> set[int]:
    found: set[int] = set()
    for line in lines:
        if "accept" not in line:
            continue
        for several, one in _PORTS.findall(line):
            for word in re.split(r"[,\s]+", several or one):
                found |= _range(word)
    return found


def _range(word: str) -> set[int]:
    first, _, last = word.partition("-")
    ends = [
        _NAMES.get(end, int(end) if end.isdecimal() else None) for end in (first, last or first)
    ]
    if None in ends:
        return set()
    return set(range(ends[0] or 0, (ends[1] or 0) + 1))


def _lets_in(line: str, port: int) -> bool:
    to, _, rest = line.partition("  ")
    if not rest.lstrip().startswith(("ALLOW", "LIMIT")):
        return False
    name = to.removesuffix(" (v6)")
    if name in _PROFILES.get(port, ()) or name == "Anywhere":
        return True
    number, _, protocol = name.partition("/")
    return protocol in {"", "tcp"} and any(str(port) == each for each in number.split(","))
