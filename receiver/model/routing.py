"""How nginx treats an app's visitors: each setting with its type, default and one sentence.

A setting is declared here alone: the file ship.toml, `nginx:set`, `nginx:show` and the table in
docs/routing.md follow from it; what it does is a line in templates/nginx/site.conf. Values only.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, get_type_hints

import msgspec
from msgspec import Meta

from receiver.model.check import Seconds
from receiver.model.errors import UsageError
from receiver.model.mismatch import in_plain_words

_DAY_S = 86_400
# `\Z` in all of these: `$` would let a line end pass that is the last character
_HeaderName = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}\Z")]
_HeaderValue = Annotated[str, Meta(pattern=r"^[ -#%-~]{0,2000}\Z")]
"""Printable ASCII. nginx has no way to write a dollar sign, and takes words of 4096 characters,
which this is within also where each character is escaped."""

_Path = Annotated[str, Meta(pattern=r"^/[^\s\"'\\;{}$?#%\x00-\x1f\x7f]{0,500}\Z")]
"""As nginx compares it: decoded, and without a query."""
_Target = Annotated[
    str, Meta(pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+)?(/(?!/)[!#%&(-:=?-\[\]^_a-z|~]{0,1000})?\Z")
]
"""Printable ASCII without what ends a word of nginx's, and nothing that a browser takes for another
host than the one that is written."""
_OF_SHIP = ("/.well-known/acme-challenge/", "/.ship-")

_ELSEWHERE = {
    "strict-transport-security": "set it by `hsts`",
    **dict.fromkeys(
        (
            "accept-ranges",
            "allow",
            "cache-control",
            "connection",
            "content-encoding",
            "content-length",
            "content-range",
            "content-type",
            "date",
            "etag",
            "expires",
            "keep-alive",
            "last-modified",
            "location",
            "retry-after",
            "server",
            "set-cookie",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "vary",
            "www-authenticate",
        ),
        "it differs between responses",
    ),
}
"""Headers that are not the same for every answer, in lower case, and why."""

Source = Literal["nginx:set", "nginx:auth", "the server", "ship.toml", "default"]


class Routing(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """[nginx] of an app's own ship.toml, and of app.toml, where `nginx:set` puts it."""

    max_body_mb: Annotated[
        int, Meta(ge=1, le=1_000, description="Size limit, in MiB, of a request's body.")
    ] = 100
    read_timeout_s: Annotated[
        Seconds, Meta(description="Seconds nginx waits for the app between two reads.")
    ] = 60
    buffering: Annotated[
        bool,
        Meta(
            description="Buffer responses before sending them; `false` for streams and server-sent"
            " events."
        ),
    ] = True
    gzip: Annotated[bool, Meta(description="Compress responses for browsers that accept it.")] = (
        True
    )
    hsts: Annotated[
        int,
        Meta(
            ge=0,
            le=730 * _DAY_S,
            description="Seconds for which browsers must use HTTPS (HSTS, sent over HTTPS only); 0"
            " disables it.",
        ),
    ] = 0
    headers: Annotated[
        dict[_HeaderName, _HeaderValue],
        Meta(
            description="Headers added to every response, replacing the app's own; an empty value"
            " removes the app's."
        ),
    ] = msgspec.field(default_factory=dict)

    allow: Annotated[
        tuple[str, ...],
        Meta(description="Addresses and networks allowed to visit; empty allows everyone."),
    ] = ()
    deny: Annotated[
        tuple[str, ...],
        Meta(
            description="Addresses and networks refused; if `allow` matches too, the narrower"
            " network wins."
        ),
    ] = ()

    rate: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000,
            description="Requests per second allowed per visitor address; 0 is no limit.",
        ),
    ] = 0
    burst: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000,
            description="Requests above `rate` that a visitor address may make at once.",
        ),
    ] = 20
    redirects: Annotated[
        dict[_Path, _Target],
        Meta(description="Moved paths and their new path or URL; an empty value removes an entry."),
    ] = msgspec.field(default_factory=dict)
    cache: Annotated[
        dict[_Path, Annotated[int, Meta(ge=0, le=3600)]],
        Meta(
            description="Paths that nginx caches, with seconds; a path ending in a slash includes"
            " all below it."
        ),
    ] = msgspec.field(default_factory=dict)
    static_cache: Annotated[
        int,
        Meta(
            ge=0,
            le=365 * _DAY_S,
            description="Seconds browsers may cache files without a digest in their name; 0 makes"
            " them ask each time.",
        ),
    ] = 0

    www: Annotated[
        Literal["", "add", "remove"],
        Meta(
            description="If the app has both NAME and www.NAME: `add` redirects to www.NAME,"
            " `remove` to NAME."
        ),
    ] = ""

    def __post_init__(self) -> None:
        """Refuse, while the file that names it is read, what nginx would take and do wrong."""
        self._refuse_paths()
        for address in (*self.allow, *self.deny):
            network_text(address)
        for name in self.headers:
            if why := _ELSEWHERE.get(name.lower()):
                raise ValueError(f"The header {name} cannot be set here: {why}")
            if name.lower().startswith("x-accel-"):
                raise ValueError(f"The header {name} controls nginx and cannot be set here")

    def _refuse_paths(self) -> None:
        for path in (*self.redirects, *self.cache):
            if path.startswith(_OF_SHIP):
                raise ValueError(f"Paths below {_OF_SHIP[0]} and {_OF_SHIP[1]} are reserved")
            if self.redirects.get(path) == path:
                raise ValueError(f"{path} would redirect to itself")

    def sent_on(self, names: Sequence[str]) -> dict[str, str]:
        """Names of an app that send visitors on, and to which of its names. Its first, which Ship
        gave it and asks it by, never does.
        """
        pairs = {f"www.{name}": name for name in names if f"www.{name}" in names}
        if self.www == "add":
            pairs = {bare: www for www, bare in pairs.items()}
        return {name: to for name, to in pairs.items() if self.www and name != names[0]}

    @property
    def guarded(self) -> bool:
        """Whether it keeps anyone out by what is not in the code of the app."""
        return bool(self.allow or self.deny)

    @property
    def sent(self) -> dict[str, str]:
        """The headers by name, each once: names that differ by upper case alone are one."""
        by_lower = {name.lower(): (name, value) for name, value in self.headers.items()}
        return dict(by_lower.values())


def network_text(text: str) -> str:
    """An address or a network as nginx takes it; ValueError where it is neither."""
    if "%" in text:  # behind it, Python takes anything for the name of a zone
        raise ValueError(f"{text!r} names a zone of this machine")
    network = ipaddress.ip_network(text.strip(), strict=False)
    alone = network.num_addresses == 1
    return str(network.network_address if alone else network)


NAMES = Routing.__struct_fields__
_DEFAULTS = Routing()
TABLES = frozenset(name for name in NAMES if isinstance(getattr(_DEFAULTS, name), dict))
"""Settings with entries of their own: `headers.X-Frame-Options`."""
_SEVERAL = ","
_WORDS = {"on": "true", "yes": "true", "off": "false", "no": "false"}


class Setting(NamedTuple):
    """One setting as it holds, or one entry of a table."""

    name: str
    value: Any
    source: Source
    meaning: str


class Place(NamedTuple):
    """What `headers.X-Frame-Options` names; a whole setting where there is no entry."""

    name: str
    entry: str | None = None

    def __str__(self) -> str:
        return self.name if self.entry is None else f"{self.name}.{self.entry}"


def overlaid(below: Routing, settings: Mapping[str, Any]) -> Routing:
    """The routing with some settings replaced, as app.toml holds them; of a table, its entries."""
    return msgspec.convert(merged(msgspec.to_builtins(below), settings), Routing)


def merged(below: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Some settings laid over others; a table keeps the entries that only one of them has."""
    found = dict(below)
    for name, value in settings.items():
        found[name] = {**found.get(name, {}), **value} if isinstance(value, dict) else value
    return found


def report(code: Routing, settings: Mapping[str, Any]) -> list[Setting]:
    """All settings as they hold, and where each comes from."""
    whole, found = overlaid(code, settings), []
    for name in NAMES:
        value, said = getattr(whole, name), meaning(name)
        if name in TABLES and value:
            own = settings.get(name, {})
            found += [
                Setting(f"{name}.{key}", it, "nginx:set" if key in own else "ship.toml", said)
                for key, it in value.items()
            ]
        else:
            found.append(Setting(name, value, _source(name, code, settings), said))
    return found


def _source(name: str, code: Routing, settings: Mapping[str, Any]) -> Source:
    if name in settings and name not in TABLES:
        return "nginx:set"
    return "default" if getattr(code, name) == getattr(_DEFAULTS, name) else "ship.toml"


def meaning(name: str) -> str:
    """The one sentence that belongs to a setting."""
    notes = get_type_hints(Routing, include_extras=True)[name].__metadata__
    return " ".join(note.description for note in notes if note.description)


def parse_words(words: tuple[str, ...]) -> dict[str, Any]:
    """What `gzip=off headers.X-Frame-Options=DENY` says, as app.toml holds it.

    Raises:
        UsageError: no setting has this name, or cannot have this value
    """
    found: dict[str, Any] = {}
    for word in words:
        left, given, text = word.partition("=")
        if not given:
            raise _refused(f"Invalid setting {word!r}: write NAME=VALUE.")
        place = parse_place(left)
        value = _value(place, text)
        if place.entry is None:
            found[place.name] = value
        else:
            found.setdefault(place.name, {}).update(value)
    return found


def parse_place(text: str) -> Place:
    """A setting, or an entry of one.

    Raises:
        UsageError: there is no such setting
    """
    name, dot, entry = text.partition(".")
    if name not in NAMES:
        import difflib  # noqa: PLC0415 - only this error needs it

        close = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Settings: {', '.join(NAMES)}."
        raise _refused(f"There is no nginx setting {name!r}.", hint)
    if dot and name not in TABLES:
        raise _refused(f"{name} is not a table, so {text} is invalid.", meaning(name))
    return Place(name, entry if dot else None)


def _value(place: Place, text: str) -> Any:
    """The value of a setting; of an entry, the table that holds it alone."""
    name = place.name
    if name in TABLES and not place.entry:
        raise _refused(f"{name} is a table: name an entry.", f"Write {name}.NAME=VALUE.")
    default, value = getattr(_DEFAULTS, name), text
    shaped: Any = value
    if place.entry:
        shaped = {place.entry: value}
    elif isinstance(default, tuple):
        shaped = [part.strip() for part in text.split(_SEVERAL) if part.strip()]
    elif isinstance(default, bool):
        shaped = _WORDS.get(text.lower(), text)
    try:
        checked = msgspec.convert({name: shaped}, Routing, strict=False)
    except msgspec.ValidationError as error:
        why = f"{in_plain_words(str(error), typed=True)} {meaning(name)}"
        raise _refused(f"Invalid value {text!r} for {place}.", why) from error
    return msgspec.to_builtins(getattr(checked, name))


def without(settings: Mapping[str, Any], places: tuple[Place, ...]) -> dict[str, Any]:
    """The settings of app.toml without some, or without entries of theirs."""
    left = {
        name: dict(value) if isinstance(value, dict) else value for name, value in settings.items()
    }
    for name, entry in places:
        if entry is None:
            left.pop(name, None)
        elif isinstance(left.get(name), dict):
            left[name].pop(entry, None)
    return {name: value for name, value in left.items() if value != {}}


def has(settings: Mapping[str, Any], place: Place) -> bool:
    """Whether app.toml says anything of this."""
    found = settings.get(place.name)
    return place.name in settings if place.entry is None else place.entry in (found or {})


def hsts_warning(host: str, seconds: int) -> str:
    """What anyone who sets `hsts` has to know first."""
    days = seconds / _DAY_S
    lasts = f"{days:.0f} days" if days >= 2 else f"{seconds} seconds"  # noqa: PLR2004 - else "1 days"
    return (
        f"Browsers that visit https://{host} will refuse http for {lasts}.\n"
        "This cannot be taken back: hsts=0 stops it for new visitors only.\n"
        "If https fails during that time, they cannot reach the app."
    )


def _refused(title: str, detail: str = "") -> UsageError:
    return UsageError(
        title,
        detail=detail,
        advice="`ship nginx:show` lists the settings. For example: `ship nginx:set gzip=off"
        " headers.X-Frame-Options=DENY`.",
        reason="usage/bad-nginx-setting",
    )
