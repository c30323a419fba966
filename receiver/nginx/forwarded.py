"""The headers by which a proxy tells an app of its visitor: which nginx sets, and which it removes.

Frameworks, servers and middlewares believe them, whoever sent them. Pure, and the one list.
"""

from collections.abc import Collection, Iterator

import msgspec

SET = {
    "Host": "$ship_host",
    # a websocket's handshake alone: whatever else a connection may become is past all rules here
    "Upgrade": "$ship_upgrade",
    "Connection": "$ship_connection",
    # set, not appended: what a visitor claims about himself is not passed on
    "X-Real-IP": "$remote_addr",
    "X-Request-ID": "$request_id",
    "X-Forwarded-For": "$remote_addr",
    "X-Forwarded-Proto": "$scheme",
    "X-Forwarded-Host": "$ship_host",
    "X-Forwarded-Port": "$server_port",
}
"""What nginx knows better than the visitor."""

_ADDRESS = (
    "CF-Connecting-IP",
    "CF-Connecting-IPv6",
    "CF-Pseudo-IPv4",
    "Client-IP",
    "DO-Connecting-IP",
    "Fastly-Client-IP",
    "Fly-Client-IP",
    "Forwarded",
    "Forwarded-For",
    "Proxy-Client-IP",
    "Remote-Addr",
    "Remote-Host",
    "True-Client-IP",
    "WL-Proxy-Client-IP",
    "X-Azure-ClientIP",
    "X-Azure-SocketIP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-Envoy-External-Address",
    "X-Forwarded",
    "X-Original-Forwarded-For",
    "X-Original-Remote-Addr",
    "X-Originating-IP",
    "X-ProxyUser-IP",
    "X-Remote-Addr",
    "X-Remote-IP",
    "X-Vercel-Forwarded-For",
)
_PLACE = (
    "Base-URL",
    "Front-End-Https",
    "Path-Info",
    "Script-Name",
    "X-ARR-SSL",
    "X-Forwarded-Base",
    "X-Forwarded-Context",
    "X-Forwarded-HTTPS",
    "X-Forwarded-Method",
    "X-Forwarded-Path",
    "X-Forwarded-Prefix",
    "X-Forwarded-Protocol",
    "X-Forwarded-Scheme",
    "X-Forwarded-Script-Name",
    "X-Forwarded-Server",
    "X-Forwarded-Ssl",
    "X-Forwarded-TlsClientCert",
    "X-Forwarded-URI",
    "X-Forwarded-URL",
    "X-Host",
    "X-HTTP-Host-Override",
    "X-HTTPS",
    "X-Ingress-Path",
    "X-Original-Host",
    "X-Original-Method",
    "X-Original-Proto",
    "X-Original-URI",
    "X-Original-URL",
    "X-Path-Info",
    "X-Real-Port",
    "X-Rewrite-URL",
    "X-Root-Path",
    "X-Scheme",
    "X-Script-Name",
    "X-Url-Scheme",
)
_WHO = (
    "Auth-Type",
    "CF-Access-Authenticated-User-Email",
    "CF-Access-JWT-Assertion",
    "Remote-Email",
    "Remote-Groups",
    "Remote-Ident",
    "Remote-Name",
    "Remote-User",
    "SSL-Client-Cert",
    "SSL-Client-S-DN",
    "SSL-Client-Verify",
    "Tailscale-User-Login",
    "Tailscale-User-Name",
    "X-Amzn-OIDC-Accesstoken",
    "X-Amzn-OIDC-Data",
    "X-Amzn-OIDC-Identity",
    "X-Auth-Request-Access-Token",
    "X-Auth-Request-Email",
    "X-Auth-Request-Groups",
    "X-Auth-Request-Preferred-Username",
    "X-Auth-Request-User",
    "X-Authenticated-User",
    "X-Authentik-Email",
    "X-Authentik-Groups",
    "X-Authentik-Name",
    "X-Authentik-UID",
    "X-Authentik-Username",
    "X-Client-Cert",
    "X-Client-DN",
    "X-Client-Verify",
    "X-Forwarded-Access-Token",
    "X-Forwarded-Client-Cert",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Preferred-Username",
    "X-Forwarded-Tls-Client-Cert",
    "X-Forwarded-Tls-Client-Cert-Info",
    "X-Forwarded-User",
    "X-Goog-Authenticated-User-Email",
    "X-Goog-Authenticated-User-ID",
    "X-Goog-IAP-JWT-Assertion",
    "X-MS-Client-Principal",
    "X-MS-Client-Principal-ID",
    "X-MS-Client-Principal-Name",
    "X-Proxy-User",
    "X-Remote-Email",
    "X-Remote-Group",
    "X-Remote-Groups",
    "X-Remote-Name",
    "X-Remote-User",
    "X-SSL-Client-Cert",
    "X-SSL-Client-DN",
    "X-SSL-Client-S-DN",
    "X-SSL-Client-Verify",
    "X-Vouch-User",
    "X-WebAuth-Email",
    "X-WebAuth-Groups",
    "X-WebAuth-Name",
    "X-WebAuth-User",
)
_BETWEEN = (
    "HTTP2-Settings",
    "Proxy",
    "X-Accel-Mapping",
    "X-Sendfile-Type",
    "X-Ship-Check",
)
"""What only two programs on the way say to each other."""
REMOVED = (*_ADDRESS, *_PLACE, *_WHO, *_BETWEEN)
"""What nginx has nothing to say about, so that nobody may: by the address of a visitor, by the
place where the app appears, by who the visitor is."""


def variables_of(app: str) -> str:
    """What the names of nginx's variables of one app begin with, before an underscore."""
    # those names have no hyphens, and those of apps no underscores
    return f"ship_{app.replace('-', '_')}_"


class Trust(msgspec.Struct, frozen=True):
    """Whom the nginx of one app believes about a visitor: the proxies before this server.

    The names are of variables in nginx's file; those of the http level are shared by all apps.
    """

    networks: tuple[str, ...]
    app: str
    passed_on: tuple[str, ...]
    """Other headers of these proxies that reach the app, from them alone."""

    @property
    def known(self) -> str:
        """The variable that is 1 where one of them asks."""
        return self._variable("proxy")

    @property
    def scheme(self) -> str:
        """The variable that holds the visitor's scheme."""
        return self._variable("scheme")

    @property
    def port(self) -> str:
        """The variable that holds the port that the visitor came to."""
        return self._variable("port")

    @property
    def others(self) -> tuple[tuple[str, str], ...]:
        """For each header passed on: a variable, and nginx's own of what was sent."""
        names = (name.lower().replace("-", "_") for name in self.passed_on)
        return tuple((self._variable(name), f"http_{name}") for name in names)

    def _variable(self, what: str) -> str:
        return f"{variables_of(self.app)}_{what}"


def headers(passed_on: Collection[str], trust: Trust | None) -> Iterator[tuple[str, str]]:
    """Names and values for nginx: an empty value removes a header.

    Args:
        passed_on: names of removed ones that a proxy before this server sets, in any case
        trust: which proxies those are; None for whoever asks
    """
    values = SET
    of_proxies: dict[str, str] = {}
    if trust is not None:
        values = SET | {
            "X-Forwarded-Proto": f"${trust.scheme}",
            "X-Forwarded-Port": f"${trust.port}",
        }
        variables = (f"${variable}" for variable, _ in trust.others)
        of_proxies = dict(zip(trust.passed_on, variables, strict=True))
    kept = {name.lower() for name in (*passed_on, *of_proxies)}
    yield from values.items()
    yield from of_proxies.items()
    yield from ((name, '""') for name in REMOVED if name.lower() not in kept)
