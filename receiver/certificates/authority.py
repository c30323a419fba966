"""The doorway to certbot: orders a certificate for a name, and says in words why there is none.

It has a virtualenv and a configuration folder of its own, so that a certbot of the machine's owner
is not touched. It asks the authority itself whether a certificate is due for renewal.
"""

import re
from collections.abc import Iterator

from receiver.certificates import caa, dns_hook
from receiver.machine import files, shell
from receiver.model.certificate import is_wildcard
from receiver.model.errors import ServerError
from receiver.model.patterns import regex
from receiver.server import Server

_LIMIT_S = 300.0
_DNS_LIMIT_S = 1800.0
"""With a program that waits until all servers of the DNS have its record."""
_NO_ACCOUNT = "accountDoesNotExist"
"""What an authority says that dropped its accounts, as those for trying things out do."""
_START = "import sys; from certbot.main import main; sys.exit(main())"
_ENVIRONMENT = {
    **shell.PLAIN_ENVIRONMENT,
    # what the machine trusts, an authority of one's own among it, and not a list of certbot's
    "REQUESTS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt",
}
_PROBLEM = regex(r"urn:ietf:params:acme:error:(\w+) :: [^:]* :: (.*)")
_CHALLENGE = regex(
    r"^ *Type: +(\S+)\n(?: *Identifier:.*\n)? *Detail: +(.*(?:\n(?! *\n).*)*)", re.MULTILINE
)
_HOOK_FAILED = regex(
    r"Hook '--manual-auth-hook' for \S+ ran with error output:\n((?: .*\n?)+)"
    r"|Hook '--manual-auth-hook' for \S+ reported (error code \d+)"
)
_DROPPED = regex(r"Account \S+ not found")
_RETRY_AFTER = regex(r"retry after (\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d) ?(?:UTC|Z)")
_AWAY = ("ConnectionError", "Max retries exceeded", "NameResolutionError", "ReadTimeout")


class OrderError(ServerError):
    """An authority gave no certificate."""

    default_reason = "server/certificate"
    not_before = ""
    """When the authority takes the next order, UTC; empty where it did not say."""


def order(server: Server, name: str) -> bytes:
    """Order a certificate for a name, or a newer one where it is time; what is valid now, as PEM.

    Raises:
        OrderError: there is none, and why
    """
    if not server.layout.certbot_python.exists():
        raise OrderError(
            "Certbot is not installed.",
            detail=f"There is no {server.layout.certbot_python}.",
            advice="Run installer.sh once more on the server.",
        )
    said = _said_no(server, name)
    if said and _problem(said)[0] == _NO_ACCOUNT:
        files.remove_tree(server.layout.certbot / "config/accounts")
        said = _said_no(server, name)
    if said:
        raise _refused(server, name, said)
    folder = server.layout.certbot / "config/live" / _lineage(name)
    return b"".join((folder / file).read_bytes() for file in ("privkey.pem", "fullchain.pem"))


def _said_no(server: Server, name: str) -> str:
    """What certbot said where it failed; empty where it did not."""
    limit_s = _DNS_LIMIT_S if is_wildcard(name) else _LIMIT_S
    done = shell.run(_argv(server, name), env=_ENVIRONMENT, limit_s=limit_s)
    return (done.output + done.errors).decode(errors="replace") if done.status else ""


def ordered(server: Server) -> set[str]:
    """The names that certbot has a certificate for."""
    found = (server.layout.certbot / "config/renewal").glob("*.conf")
    return {re.sub(r"^_\.", "*.", path.stem) for path in found}


def forget(server: Server, name: str) -> None:
    """Have certbot keep nothing of a name."""
    argv = (*_certbot(server), "delete", "--non-interactive", "--cert-name", _lineage(name))
    shell.run(argv, env=_ENVIRONMENT, limit_s=_LIMIT_S)


def _argv(server: Server, name: str) -> tuple[str, ...]:
    wanted = server.settings
    contact = ("--email", wanted.email) if wanted.email else ("--register-unsafely-without-email",)
    whose = ("--server", wanted.acme_server) if wanted.acme_server else ()
    return (
        *(*_certbot(server), "certonly", "--non-interactive", "--agree-tos", *contact, *whose),
        *(_by_dns(server) if is_wildcard(name) else _by_http(server)),
        *("--cert-name", _lineage(name), "--domain", name, "--key-type", "ecdsa"),
        # a certificate that is not due stays as it is, by what the authority says of renewals
        "--keep-until-expiring",
    )


def _by_http(server: Server) -> tuple[str, ...]:
    return ("--webroot", "--webroot-path", str(server.layout.challenges))


def _by_dns(server: Server) -> tuple[str, ...]:
    """Have the administrator's program prove it, which is told what it is called for."""
    hook = dns_hook.checked(server.settings.dns_hook)
    calls = ("--manual-auth-hook", f"{hook} auth", "--manual-cleanup-hook", f"{hook} cleanup")
    return ("--manual", "--preferred-challenges", "dns", *calls)


def _lineage(name: str) -> str:
    """What certbot calls its certificate of a name; no host name begins with an underscore."""
    return name.replace("*", "_", 1)


def _certbot(server: Server) -> Iterator[str]:
    home = server.layout.certbot
    yield from (str(server.layout.certbot_python), "-I", "-c", _START)
    for option, folder in (("config", "config"), ("work", "work"), ("logs", "logs")):
        yield from (f"--{option}-dir", str(home / folder))


def _refused(server: Server, name: str, said: str) -> OrderError:
    kind, detail = _problem(said)
    if is_wildcard(name) and (failed := _HOOK_FAILED.search(said)):
        kind, detail = "hook", _line(failed[1] or failed[2])
    elif is_wildcard(name) and kind in {"dns", "unauthorized"}:
        kind = "record"
    title, advice = _WORDS.get(kind, _OTHER)
    if kind == "caa":
        advice = caa.advice(server.settings, name)
    error = OrderError(title.format(name=name), detail=detail, advice=advice.format(name=name))
    if after := _RETRY_AFTER.search(said):
        error.not_before = f"{after[1]}T{after[2]}Z"
    return error


def _problem(said: str) -> tuple[str, str]:
    """The kind of an authority's refusal, and its own words."""
    if found := _CHALLENGE.search(said):
        return found[1], _line(found[2])
    if found := _PROBLEM.search(said):
        return found[1], _line(found[2])
    if _DROPPED.search(said):
        return _NO_ACCOUNT, ""
    if any(sign in said for sign in _AWAY):
        return "away", _line(said.strip().splitlines()[-1])
    lines = [line for line in said.splitlines() if line.strip()]
    return "", _line(" ".join(lines[-3:]))


def _line(text: str) -> str:
    return " ".join(text.split())[:400]


_OTHER = (
    "The authority gave no certificate for {name}.",
    "Its own words stand above; it is asked again by itself.",
)
_REACH = "Let port 80 through the firewall of this machine, and of its provider."
_WORDS = {
    "dns": (
        "The authority finds no address for {name} in the DNS.",
        "`ship domains` shows what to set. It is asked again by itself.",
    ),
    "connection": ("The authority cannot reach {name} on port 80.", _REACH),
    "unauthorized": (
        "At {name}, the authority got an answer that is not this server's.",
        "See where the name leads, IPv6 too: `ship domains`.",
    ),
    "hook": (
        "The dns_hook of this server failed for {name}.",
        "Its own words stand above. It is called again by itself.",
    ),
    "record": (
        "The authority did not find the record in the DNS that the dns_hook sets for {name}.",
        "See that it sets the right one, and waits until all servers of the DNS have it.",
    ),
    "caa": (
        "The DNS of {name} has a CAA record that forbids this authority.",
        "",
    ),
    "rateLimited": (
        "The authority takes no more orders for {name} for now.",
        "It is asked again when the authority allows it.",
    ),
    "rejectedIdentifier": (
        "The authority makes no certificates for {name}.",
        "Bring one of another authority: `ship certs:add`.",
    ),
    "away": (
        "The authority cannot be reached from this server.",
        "It is asked again by itself. See that the server reaches it by https.",
    ),
}
"""Title and advice, by the kind of a problem as RFC 8555 names it, or as it is known here."""
