"""`ship nginx`: how nginx treats the visitors of an app."""

import getpass
import sys
from typing import TYPE_CHECKING, Any

import click

from receiver.cli import forward, given_file, show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, command, for_app, with_json
from receiver.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from receiver.model.routing import Place, Setting

_MOST_BYTES = 1024
"""More than a password may have, so that one which is too long is refused, and not cut off."""


@command(
    "nginx:show",
    example="$ ship nginx:show -a blog\n"
    "max_body_mb              200   nginx:set  Size limit, in MiB, of a request's body.\n"
    "headers.X-Frame-Options  DENY  ship.toml  Headers added to every response, replacing the app's"
    " own; an empty value removes the app's.",
)
@for_app
@with_json
def report(call: Call, *, as_json: bool) -> None:
    """Show an app's nginx settings: value, source (nginx:set, ship.toml or default) and meaning."""
    from receiver.apps import routing

    found = routing.report(call.server, call.app)
    if as_json:
        show.as_json([_as_data(setting) for setting in found])
        return
    rows = [(it.name, _shown(it.value), it.source, it.meaning) for it in found]
    show.table(("Setting", "Value", "From", "Meaning"), rows)


@command(
    "nginx:set",
    example="$ ship nginx:set max_body_mb=200 headers.X-Frame-Options=DENY -a blog\n"
    "Updated nginx for blog.\n"
    "max_body_mb:             200\nheaders.X-Frame-Options: DENY",
)
@for_app
@click.argument("words", nargs=-1, metavar="NAME=VALUE...")
def set_(call: Call, words: tuple[str, ...]) -> None:
    """Change nginx settings of an app. They take effect at once and override its ship.toml.

    `ship nginx:show` lists the settings. Write lists as `a,b` and table entries as
    `headers.NAME=VALUE`. If nginx rejects a value, nothing changes.
    """
    from receiver.apps import routing
    from receiver.model.routing import Routing, hsts_warning, parse_place, parse_words

    values = parse_words(words)
    if not values:
        raise _nothing_given("nginx:set max_body_mb=200")
    found = routing.change(call.server, call.app, routing.Wish(values))
    show.progress(f"Updated nginx for {call.app}.")
    _fields(found, [parse_place(word.partition("=")[0]) for word in words])
    names = call.server.hosts(call.app)
    if values.get("www") and not Routing(www=values["www"]).sent_on(names):
        show.warning(
            f"{call.app} has no pair NAME and www.NAME. Its names:"
            f" {', '.join(names)}. `ship domains:add` gives it more."
        )
    if seconds := values.get("hsts"):
        show.warning(hsts_warning(call.server.address(call.app), seconds))


@command(
    "nginx:unset",
    example="$ ship nginx:unset max_body_mb -a blog\nReset for blog:\nmax_body_mb: 100",
)
@for_app
@click.argument("names", nargs=-1, metavar="NAME...")
def unset(call: Call, names: tuple[str, ...]) -> None:
    """Remove nginx settings: the app's ship.toml counts again, or the default."""
    from receiver.apps import routing
    from receiver.model.routing import parse_place

    gone = tuple(parse_place(name) for name in names)
    if not gone:
        raise _nothing_given("nginx:unset max_body_mb")
    found = routing.change(call.server, call.app, routing.Wish(removed=gone))
    show.progress(f"Reset for {call.app}:")
    _fields(found, gone)


@command(
    "nginx:apply",
    example="$ ship nginx:apply -a blog\nApplied the nginx settings for blog now.",
)
@for_app
def apply(call: Call) -> None:
    """Apply the operator's own nginx files for an app, in /etc/ship/nginx.d/APP.

    Each deploy of the app does so too. If nginx rejects one, it is named, and nothing changes.
    """
    from receiver.apps import routing

    changed = routing.apply(call.server, call.app)
    show.progress(
        f"Applied the nginx settings of {call.app}."
        if changed
        else f"Nothing to do: nginx has the current settings of {call.app}."
    )


def _auth_over_ssh(call: Call, place: Destination, visitor: str) -> int:
    """Ask for the password here, where it is typed, and send it."""
    words = ["nginx:auth", "--app", call.app, visitor]
    return forward.ask_over_ssh(place, words, call.environment, given=_password(call))[0]


@command(
    "nginx:auth",
    over_ssh=_auth_over_ssh,
    example="$ echo 'correct horse battery' | ship nginx:auth anna -a blog\n"
    "blog now asks visitors for a name and password. Added anna.",
)
@for_app
@click.argument("visitor", metavar="NAME")
def auth(call: Call, visitor: str) -> None:
    """Ask visitors of an app for a name and password; read the password from standard input.

    Run it again to change a password. It is stored hashed and protects all pages and files, over
    deploys. Browsers send it with every request, so use https.
    """
    from receiver.apps import passwords

    _refuse_strange(visitor)
    first = passwords.give(call.server, call.app, visitor, _password(call))
    told = f"The password of {visitor} for {call.app} is set."
    if first:
        told = f"{call.app} now asks visitors for a name and password. Added {visitor}."
    show.progress(told)


@command(
    "nginx:auth:remove",
    example="$ ship nginx:auth:remove anna -a blog\n"
    "Removed anna from blog.\nNo visitors are left: blog is open to everyone.",
)
@for_app
@click.argument("visitor", metavar="NAME")
def auth_remove(call: Call, visitor: str) -> None:
    """Remove a visitor's password. Without the last one, the app is open to everyone."""
    from receiver.apps import passwords

    others = passwords.take_away(call.server, call.app, visitor)
    show.progress(f"Removed {visitor} from {call.app}.")
    if not others:
        show.progress(f"No visitors are left: {call.app} is open to everyone.")


def _password(call: Call) -> bytes:
    """One line of standard input; on a terminal it is not shown."""
    if sys.stdin.isatty():
        return getpass.getpass("Password: ").encode()
    return given_file.read(call, given_file.STDIN, _MOST_BYTES).removesuffix(b"\n")


def _refuse_strange(visitor: str) -> None:
    import msgspec

    from receiver.model.settings import VisitorName

    try:
        msgspec.convert(visitor, VisitorName)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"Invalid visitor name {visitor!r}.",
            detail="Use letters, digits and . _ @ + -, beginning with a letter or digit.",
            reason="usage/bad-visitor",
        ) from error


def _fields(found: "Iterable[Setting]", places: "Iterable[Place]") -> None:
    """What was named, as it holds now: of a whole table, all its entries."""
    values = {setting.name: _shown(setting.value) for setting in found}
    shown: dict[str, str] = {}
    for place in places:
        entries = {
            name: value
            for name, value in values.items()
            if place.entry is None and name.startswith(f"{place.name}.")
        }
        shown |= entries or {str(place): values.get(str(place), "none")}
    show.fields(shown)


def _as_data(setting: "Setting") -> dict[str, object]:
    return {
        "name": setting.name,
        "value": setting.value,
        "from": setting.source,
        "meaning": setting.meaning,
    }


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value in ({}, "", None) else str(value)


def _nothing_given(example: str) -> UsageError:
    return UsageError(
        "No nginx setting given.",
        advice=f"For example: `ship {example}`. `ship nginx:show` lists the settings.",
        reason="usage/bad-nginx-setting",
    )
