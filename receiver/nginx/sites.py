"""Decides nginx's files: one per app, and one for what apps share and for names that are no app's.

Pure.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from receiver.model import proxies
from receiver.model.certificate import Certificate
from receiver.model.layout import Layout, SlotLetter
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.release import Release
from receiver.model.routing import Routing, network_text
from receiver.model.settings import (
    HTTP_PORT,
    HTTPS_PORT,
    App,
    Server,
    former_names,
    server_names,
)
from receiver.nginx.forwarded import SET, Trust, headers, variables_of
from receiver.nginx.log_places import LogPlaces
from receiver.nginx.snippets import Snippet
from receiver.planner.render import quote_for_nginx, render, template_text

SHARED_FILE = "00-ship.conf"
"""Sorts before every app's file, because a log format must be known before it is used."""
RECEIVER_FILE = "01-ship-receiver.conf"
"""For pushes over HTTP."""
SITE_MODE = 0o640
"""Of an app's file: it holds who may pass its maintenance page. nginx reads it as root."""
_TEMPLATE, _TLS = "nginx/site.conf", "nginx/tls.conf"
_LOOPBACK = ("127.0.0.0/8", "::1")
_COMPRESSED = (
    "text/css",
    "text/javascript",
    "text/xml",
    "text/csv",
    "text/markdown",
    "application/javascript",
    "application/json",
    "application/ld+json",
    "application/manifest+json",
    "application/xml",
    "application/rss+xml",
    "application/atom+xml",
    "application/wasm",
    "image/svg+xml",
    "image/x-icon",
    "font/ttf",
    "font/otf",
)
"""What nginx compresses besides HTML. Not plain text: apps stream that a line at a time, and a line
would wait until there is enough to compress."""


_NOSNIFF = ("X-Content-Type-Options", "nosniff")


class Folder(msgspec.Struct, frozen=True):
    """A folder of static files and the address it is found at."""

    prefix: str
    path: str


class Cached(msgspec.Struct, frozen=True):
    """A place of the app's own pages, and for how many seconds nginx keeps those."""

    address: str
    """As nginx's `location` has it."""
    seconds: int = 0


class Block(msgspec.Struct, frozen=True):
    """One `server` of nginx's: those of a site's names that have the same certificate."""

    listens: tuple[str, ...]
    names: tuple[str, ...]
    pem: str = ""
    """The file of the certificate and its key; empty where there is no HTTPS."""
    to: str = ""
    """Where it sends all visitors on to, the beginning of an address; empty where it serves."""
    for_a_while: bool = False
    """Whether browsers may remember that for an hour only."""
    challenged: bool = False
    """Whether an authority may ask it for the proof that a name leads here."""


class Front(msgspec.Struct, frozen=True):
    """The nginx of one server: where its files lie and where it listens."""

    layout: Layout
    server: Server
    logs: LogPlaces
    ipv6: bool
    """Whether the machine has IPv6; without it, nginx refuses to start on an IPv6 address."""
    certificate: Callable[[str], Certificate | None]
    """The one that a host name is served with."""
    check_key: Callable[[AppName], str]
    """What nginx knows Ship's own question by, where an app keeps visitors out."""
    snippets: Callable[[AppName], tuple[Snippet, ...]]
    """The operator's own lines for an app."""

    @property
    def listens(self) -> tuple[str, ...]:
        """Addresses as nginx's `listen` wants them."""
        return self._on(self.server.http_port)

    @property
    def tls_listens(self) -> tuple[str, ...]:
        """The same for HTTPS; none where there is no HTTPS."""
        port = self.server.tls_port
        return tuple(f"{each} ssl http2" for each in self._on(port)) if port else ()

    @property
    def by_https(self) -> str:
        """The beginning of the address that a visitor is sent on to."""
        port = self.server.tls_port
        return "https://$host" + ("" if port in {0, HTTPS_PORT} else f":{port}")

    def _on(self, port: int) -> tuple[str, ...]:
        return (str(port), f"[::]:{port}") if self.ipv6 else (str(port),)

    def blocks(self, names: tuple[str, ...]) -> tuple[Block, ...]:
        """The servers that some names take: each is served by https, and those that have a
        certificate are sent on to it from http, unless a proxy does that.
        """
        if not self.tls_listens:
            return (Block(self.listens, names),)
        by_file = self._by_file(names)
        both, folder = (*self.listens, *self.tls_listens), self.layout.certificates
        # a proxy that has https itself may ask by http: sent on, its visitors would go in circles
        if self.server.trusted_proxies:
            return tuple(
                Block(both, tuple(its), str(folder / file), challenged=True)
                for file, its in by_file.items()
            )
        pem = str(self.layout.self_signed)
        open_ = by_file.pop(self.layout.self_signed.name, [])
        trusted = tuple(name for name in names if name not in open_)
        return (
            *((Block(both, tuple(open_), pem, challenged=True),) if open_ else ()),
            *(
                (Block(self.listens, trusted, to=self.by_https, challenged=True),)
                if trusted
                else ()
            ),
            *(
                Block(self.tls_listens, tuple(its), str(folder / file))
                for file, its in by_file.items()
            ),
        )

    def moved_blocks(self, names: tuple[str, ...], to: str) -> tuple[Block, ...]:
        """The servers that send visitors of some names of an app on to another of its names."""
        if not self.tls_listens:
            return (Block(self.listens, names, to=to, for_a_while=True),) if names else ()
        by_file = self._by_file(names)
        both, folder = (*self.listens, *self.tls_listens), self.layout.certificates
        return tuple(
            Block(both, tuple(its), str(folder / file), to=to, for_a_while=True, challenged=True)
            for file, its in by_file.items()
        )

    def _by_file(self, names: tuple[str, ...]) -> dict[str, list[str]]:
        """Names by the file of the certificate that they are served with."""
        by_file: dict[str, list[str]] = {}
        for name in names:
            certificate = self.certificate(name)
            file = self.layout.self_signed.name if certificate is None else certificate.file
            by_file.setdefault(file, []).append(name)
        return by_file


def site_file(
    front: Front, app: AppName, settings: App, release: Release | None, slot: SlotLetter
) -> WriteFile:
    """The file of an app whose live release is `release`, in `slot`; None before the first."""
    values = _values(front, app, settings, release, slot)
    text = _mark(values) + render(_TEMPLATE, app=app, **values)
    return WriteFile(str(front.layout.site(app)), text, SITE_MODE)


def is_current(
    text: str, front: Front, app: AppName, settings: App, release: Release | None, slot: SlotLetter
) -> bool:
    """Whether an app's file was made of these same values; told by its first line, without
    rendering.
    """
    return text.startswith(_mark(_values(front, app, settings, release, slot)))


def _mark(values: dict[str, object]) -> str:
    """A first line that says what the file was made of."""
    from hashlib import sha256  # noqa: PLC0415 - slow, and who only looks needs none

    made_of = repr(sorted(values.items())) + template_text(_TEMPLATE) + template_text(_TLS)
    return f"# made of {sha256(made_of.encode()).hexdigest()[:16]}\n"


def _values(
    front: Front, app: AppName, settings: App, release: Release | None, slot: SlotLetter
) -> dict[str, object]:
    trust = _trust(front.server, app, settings)
    served = "nothing" if release is None else release.served
    folders = () if release is None else tuple(_folders(front, app, release))
    routing = settings.routed(Routing() if release is None else release.nginx)
    own = variables_of(app)
    names = server_names(front.server, app, settings)
    sent_on = routing.sent_on(names)
    return {
        "blocks": (
            *front.blocks(tuple(name for name in names if name not in sent_on)),
            *(
                block
                for name, other in sent_on.items()
                for block in front.moved_blocks((name,), _same_way(front, other, trust))
            ),
            *front.moved_blocks(
                former_names(front.server, app, settings), _today(front, app, trust)
            ),
        ),
        "challenges": str(front.layout.challenges),
        "access_log": str(front.logs.of(app, "access")),
        "error_log": str(front.logs.of(app, "error")),
        "routing": routing,
        "own": own,
        "answers": (answers := tuple(_answers(routing, own))),
        "of_files": _with_nosniff(answers),
        "trust": trust,
        "headers": tuple(headers(() if trust else settings.proxy_headers, trust)),
        "proxied": served == "process" and not settings.stopped,
        "deployed": release is not None,
        "stopped": settings.stopped,
        "compressed": " ".join(_COMPRESSED),
        "down_mark": _down_mark(front, app, release),
        "maintenance": _maintenance(front, app, settings),
        "error_pages": () if release is None else release.error_pages,
        "errors": str(front.layout.app(app).current / "errors"),
        "stored": (stored := tuple(_stored(front, app, release))),
        "storage": str(front.layout.app(app).storage),
        "snippets": front.snippets(app),
        "doors": _doors(routing),
        "moved_pages": tuple(_moved_pages(routing)),
        "pages": (pages := _pages(routing, (*folders, *stored))),
        "kept": max(page.seconds for page in pages),
        "cache": str(front.layout.nginx_cache(app)),
        "private": bool(routing.guarded or settings.passwords),
        "passwords": str(front.layout.app(app).passwords) if settings.passwords else "",
        "key": _key(front, app, settings, routing),
        "port": web_port(settings, release, slot),
        "root": next((folder.path for folder in folders if folder.prefix == "/"), None),
        "folders": tuple(folder for folder in folders if folder.prefix != "/"),
    }


def _answers(routing: Routing, own: str) -> Iterator[tuple[str, str]]:
    """Headers of every answer, and their values as nginx takes them; an empty one is not sent."""
    if routing.hsts:
        yield "Strict-Transport-Security", f"${own}_hsts"
    for name, value in routing.sent.items():
        yield name, quote_for_nginx(value) if value else ""


def _with_nosniff(answers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The same for files, of which nginx tells the type: so no browser has to guess it."""
    if any(name.lower() == _NOSNIFF[0].lower() for name, _ in answers):
        return tuple(pair for pair in answers if pair[1])
    return (_NOSNIFF, *(pair for pair in answers if pair[1]))


def _trust(server: Server, app: AppName, settings: App) -> Trust | None:
    if not server.trusted_proxies:
        return None
    own = proxies.headers(server.trusted_proxies)
    ours = {name.lower() for name in SET}
    passed_on = {name.lower(): name for name in (*own, *settings.proxy_headers)}
    others = tuple(name for lower, name in passed_on.items() if lower not in ours)
    return Trust(proxies.networks(server.trusted_proxies), app, others)


def _today(front: Front, app: AppName, trust: Trust | None) -> str:
    """The beginning of the address that visitors of an app's former names are sent on to."""
    name, port = f"{app}.{front.server.domain}", front.server.http_port
    by_http = f"http://{name}" + ("" if port == HTTP_PORT else f":{port}")
    return _best_way(front, name, trust) or by_http


def _same_way(front: Front, name: str, trust: Trust | None) -> str:
    """The beginning of another address of the app; without a certificate for it, by what the
    visitor came by.
    """
    server = front.server
    usual = server.http_port == HTTP_PORT and server.tls_port in {0, HTTPS_PORT}
    as_before = f"$scheme://{name}" + ("" if usual else ":$server_port")
    return _best_way(front, name, trust) or as_before


def _best_way(front: Front, name: str, trust: Trust | None) -> str:
    """The beginning of an address; empty where nothing but http surely leads there."""
    port = front.server.tls_port
    if trust is not None:  # a proxy has the ports that visitors see
        return f"${trust.scheme}://{name}"
    if port and front.certificate(name) is not None:
        return f"https://{name}" + ("" if port == HTTPS_PORT else f":{port}")
    return ""


def _down_mark(front: Front, app: AppName, release: Release | None) -> str | None:
    """The file by which it is known that the app does not start; None where nginx learns that by
    itself, because nothing listens.
    """
    held = release is not None and not release.binds_itself
    return str(front.layout.app(app).down_mark) if held else None


def _doors(routing: Routing) -> tuple[tuple[str, int], ...]:
    """Networks, and for each whether who comes from there is refused; of two that fit, nginx goes
    by the narrower. None where anyone is let in.
    """
    doors = dict.fromkeys(map(network_text, routing.allow), 0)
    doors |= dict.fromkeys(map(network_text, routing.deny), 1)
    return tuple(doors.items())


def _moved_pages(routing: Routing) -> Iterator[tuple[str, str]]:
    """Addresses that have moved, and where to as nginx takes it: with the query of the request,
    unless there is one already.
    """
    for path, target in routing.redirects.items():
        if target:
            query = "" if {"?", "#"} & set(target) else "$is_args$args"
            yield path, quote_for_nginx(target, query)


def _pages(routing: Routing, folders: tuple[Folder, ...]) -> tuple[Cached, ...]:
    """The places of the app's pages, the whole first; files and addresses that have moved are
    none of them.
    """
    taken = {folder.prefix for folder in folders}
    taken |= {path for path, target in routing.redirects.items() if target}
    kept = {path: seconds for path, seconds in routing.cache.items() if path not in taken}
    return (
        Cached("/", kept.pop("/", 0)),
        # of expressions, nginx goes by the first that fits
        *(
            Cached(_address(path), kept[path])
            for path in sorted(kept, key=lambda path: (-len(path), path))
            if kept[path]
        ),
    )


def _address(path: str) -> str:
    """What nginx compares with: all below a path that ends with a slash, else itself.

    An expression, because of a plain `/blog/` nginx would send `/blog` on to it.
    """
    if path.endswith("/"):
        return f"~ {quote_for_nginx(f'^{re.escape(path)}')}"
    return f"= {quote_for_nginx(path)}"


def _key(front: Front, app: AppName, settings: App, routing: Routing) -> str:
    """What Ship's own question shows; empty where it is answered as anyone's is."""
    if settings.maintenance:
        return settings.maintenance.key
    guarded = (routing.guarded, settings.passwords, routing.rate, routing.cache)
    return front.check_key(app) if any(guarded) else ""


def _maintenance(front: Front, app: AppName, settings: App) -> dict[str, object] | None:
    """What the template needs to keep visitors out; None when they may come in."""
    found = settings.maintenance
    if found is None:
        return None
    return {
        "key": found.key,
        "page": str(front.layout.app(app).maintenance_page),
        "allow": found.allow,
    }


def shared_file(front: Front) -> WriteFile:
    """The file for what all apps share; its default server answers unknown names neutrally."""
    path = front.layout.sites_available / SHARED_FILE
    text = render("nginx/default.conf", listens=front.listens, tls_listens=front.tls_listens)
    return WriteFile(str(path), text)


def receiver_file(
    front: Front, path: Path, socket: Path, log: Path, names: tuple[str, ...], *, sealed: bool
) -> WriteFile:
    """The file that lets pushes over HTTP in, at `names`, on to the receiver's unix socket; where
    it is `sealed`, from other machines by https alone.
    """
    text = render(
        "nginx/receiver.conf",
        blocks=front.blocks(names),
        challenges=str(front.layout.challenges),
        trusted=(trusted := proxies.networks(front.server.trusted_proxies)),
        near=tuple(dict.fromkeys((*_LOOPBACK, *trusted))),
        sealed=sealed,
        by_https=front.by_https,
        http_socket=str(socket),
        access_log=str(log),
    )
    return WriteFile(str(path), text)


def web_port(settings: App, release: Release | None, slot: SlotLetter) -> int:
    """The port nginx passes requests to: the held socket's, or the slot's own for a server that
    binds it.
    """
    binds_itself = release is not None and release.binds_itself
    return settings.own_port(slot) if binds_itself else settings.port


def _stored(front: Front, app: AppName, release: Release | None) -> Iterator[Folder]:
    """Folders of the app's storage."""
    storage = front.layout.app(app).storage
    for prefix, folder in sorted(release.static_of_storage.items() if release else ()):
        yield Folder(prefix.rstrip("/") + "/", f"{storage / folder}/")


def _folders(front: Front, app: AppName, release: Release) -> Iterator[Folder]:
    public = front.layout.app(app).current / "public"
    for prefix, folder in sorted(release.static.items()):
        # both or neither end with a slash: a prefix `/static` with an alias `…/static/` would
        # let `/static../` reach the folder above
        path = public if folder in {"", "."} else public / folder
        yield Folder(prefix.rstrip("/") + "/", f"{path}/")
