"""The certificates that nginx's files name: are they there, fitting, in time, and of the right
names.
"""

import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from receiver.apps import domains
from receiver.certificates import late as late_ones
from receiver.doctor.seen import Seen
from receiver.machine import shell
from receiver.model.certificate import Standing
from receiver.model.finding import Finding
from receiver.model.patterns import regex
from receiver.nginx import program as nginx
from receiver.nginx.dump import ServerBlock, server_blocks
from receiver.state import certificates

_SOON = timedelta(days=14)
_ENDS = regex(r"^notAfter=(.*)$", re.MULTILINE)
_NAMES = regex(r"DNS:([^,\s]+)")
_WARNED = "Browsers warn visitors, or refuse the page."
_OURS = "`journalctl -u ship-certificates` on the server tells why it was not renewed."
_BRING = "Bring the next one in time: `ship certs:add -a {app}`."
_RENEW = "Renew it; where certbot made it: `certbot renew`, then `systemctl reload nginx`."


class _EncryptedKeyError(Exception):
    """OpenSSL would ask for the password at the terminal."""


def look(seen: Seen, dump: str) -> Iterator[Finding]:
    """Every certificate that nginx serves, once."""
    folder = nginx.main_file(seen.server.layout).parent
    yield from _of_all_names(seen)
    told: set[tuple[str, str]] = set()
    for block in server_blocks(dump):
        path = _place(folder, block.certificate)
        # what is served before there is a certificate: browsers are meant to warn
        if path is None or path == str(seen.server.layout.self_signed):
            continue
        for finding in _certificate(seen, block, path, _place(folder, block.key)):
            if (finding.name, path) not in told:
                told.add((finding.name, path))
                yield finding


def _of_all_names(seen: Seen) -> Iterator[Finding]:
    """The certificate of all names below the domain, which no app has among its own."""
    settings = seen.server.settings
    trouble = certificates.read(seen.server.layout, f"*.{settings.domain}").trouble
    if settings.dns_hook and trouble is not None:
        yield Finding(
            name="certificate.wildcard",
            severity="warning",
            title=f"There is no current certificate for *.{settings.domain}.",
            seen=tuple(filter(None, (trouble.title, trouble.detail))),
            means="New apps wait for a certificate of their own.",
            advice=trouble.advice,
        )


def _place(folder: Path, named: str | None) -> str | None:
    """The file that nginx reads; None where there is none, or another for each visitor."""
    if named is None or "$" in named or named.startswith(("data:", "engine:", "store:")):
        return None
    return str(folder / named)


def _certificate(seen: Seen, block: ServerBlock, path: str, key: str | None) -> Iterator[Finding]:
    if not Path(path).is_file():
        yield _finding("certificate.missing", block, path, f"There is no {path}.", _RENEW)
        return
    unfit = _unfit(path, key) if key is not None else None
    if unfit is not None:
        yield _finding(
            "certificate.key",
            block,
            path,
            f"It does not go with its key {key}: {unfit}",
            "Name the key that it was made with in ssl_certificate_key.",
        )
        return
    try:
        said = shell.capture(
            ("openssl", "x509", "-noout", "-enddate", "-ext", "subjectAltName", "-in", path)
        )
    except shell.CommandError:
        return
    yield from _dates(seen, block, path, said.decode(errors="replace"))
    names = _NAMES.findall(said.decode(errors="replace"))
    uncovered = [
        name
        for name in block.names
        if "." in name and name[0] not in "*~_" and not any(_covers(each, name) for each in names)
    ]
    if names and uncovered:
        yield _finding(
            "certificate.names",
            block,
            path,
            f"It is for {', '.join(names)}, not for {', '.join(uncovered)}.",
            "Have a certificate made for these names too.",
        )


def _unfit(path: str, key: str) -> str | None:
    """Why a key is not that of a certificate; nothing is said of one that only nginx has the
    password of.
    """

    def no_password() -> str:
        raise _EncryptedKeyError

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, key, no_password)
    except _EncryptedKeyError:
        return None
    except (ssl.SSLError, OSError) as error:
        return str(error)
    return None


def _dates(seen: Seen, block: ServerBlock, path: str, said: str) -> Iterator[Finding]:
    ends = _ENDS.search(said)
    if ends is None:
        return
    until, now = _when(ends[1]), datetime.fromisoformat(seen.server.clock.stamp())
    left, ours = until - now, _standing(seen, path)
    if ours is None:
        late, reason, advice = left < _SOON, "", _RENEW
    else:
        late, reason = ours.is_late(now), late_ones.why(ours)
        advice = ours.trouble.advice if ours.trouble and ours.trouble.advice else _OURS
        if ours.is_brought:
            app = domains.app_of(seen.server, ours.name, (each.name for each in seen.apps))
            advice = _BRING.format(app=app or "NAME")
    if left <= timedelta(0):
        line = f"It ended on {until:%Y-%m-%d}. {reason}".rstrip()
        yield _finding("certificate.expired", block, path, line, advice)
    elif late:
        days = f"{left.days} day{'s' * (left.days != 1)}"
        line = f"It ends on {until:%Y-%m-%d}, in {days}. {reason}".rstrip()
        yield _finding("certificate.ends-soon", block, path, line, advice)


def _standing(seen: Seen, path: str) -> Standing | None:
    """The record of a certificate that is one of ship's."""
    if Path(path).parent != seen.server.layout.certificates:
        return None
    for each in certificates.read_all(seen.server.layout).values():
        if each.certificate is not None and each.certificate.file == Path(path).name:
            return each
    return None


def _when(text: str) -> datetime:
    """A time as OpenSSL writes it."""
    return datetime.strptime(text.strip(), "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC)


def _covers(name: str, wanted: str) -> bool:
    star, _, rest = name.partition(".")
    return name == wanted or (star == "*" and wanted.partition(".")[2] == rest)


_TITLES = {
    "certificate.missing": "A certificate that nginx is to serve is missing.",
    "certificate.key": "A certificate and its key do not fit.",
    "certificate.expired": "A certificate has expired.",
    "certificate.ends-soon": "A certificate ends soon.",
    "certificate.names": "A certificate does not cover all its names.",
}


def _finding(name: str, block: ServerBlock, path: str, line: str, advice: str) -> Finding:
    return Finding(
        name=name,
        severity="warning" if name == "certificate.ends-soon" else "broken",
        title=_TITLES[name],
        seen=(f"{path}, of {', '.join(block.names) or 'a server'} in {block.file}.", line),
        means=_WARNED,
        advice=advice,
    )
