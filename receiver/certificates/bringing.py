"""Certificates that somebody brings, and those that are taken away again."""

from datetime import datetime

from msgspec.structs import replace

from receiver.certificates import pem
from receiver.certificates.ordering import serve
from receiver.certificates.pem import Bundle
from receiver.model.certificate import Standing
from receiver.model.errors import NotFoundError, UsageError
from receiver.model.names import AppName
from receiver.server import Server
from receiver.state import certificates


def bring(server: Server, app: AppName, data: bytes) -> tuple[Bundle, tuple[str, ...]]:
    """Have the names of an app served with a certificate that somebody has; it, and those names.

    Raises:
        UsageError: it cannot be used, or is for none of the names; nothing was changed
        ServerError: nginx refuses it; what was served before is served again
    """
    bundle = pem.read(data, datetime.fromisoformat(server.clock.stamp()))
    known, names = bundle.kept_as("owner", "owner"), server.hosts(app)
    its = tuple(name for name in names if known.covers(name))
    if not its:
        raise UsageError(
            f"The certificate is for none of the names of {app}.",
            detail=f"It is for {', '.join(bundle.names)}; {app} answers to {', '.join(names)}.",
            advice=f"Give the app the name first: `ship domains:add {bundle.names[0]} -a {app}`.",
            reason="usage/bad-certificate",
        )
    before = [certificates.read(server.layout, name) for name in its]
    certificates.keep_pem(server.layout, known.file, bundle.text)
    try:
        for standing in before:
            after = Standing(name=standing.name, certificate=known, since=standing.since)
            certificates.write(server.layout, after)
        serve(server, app)
    except BaseException:
        _put_back(server, before)
        raise
    certificates.sweep(server.layout)
    return bundle, its


def take_away(server: Server, app: AppName, name: str) -> None:
    """Serve a name with no certificate that was brought; one is ordered where that is the rule.

    Raises:
        NotFoundError: there is none, or an authority's, which is ordered anew
    """
    standing, its = certificates.read(server.layout, name), name in server.hosts(app)
    if not its or standing.certificate is None or standing.certificate.by != "owner":
        raise NotFoundError(
            f"Nobody brought a certificate for {name}.",
            detail=f"`ship certs -a {app}` shows what there is.",
            advice=f"To have none ordered for {app}: `ship certs:auto off -a {app}`."
            if its
            else "",
            reason="not-found/certificate",
        )
    certificates.write(server.layout, replace(standing, certificate=None))
    try:
        serve(server, app)
    except BaseException:
        _put_back(server, [standing])
        raise
    certificates.sweep(server.layout)


def _put_back(server: Server, before: list[Standing]) -> None:
    for standing in before:
        certificates.write(server.layout, standing)
