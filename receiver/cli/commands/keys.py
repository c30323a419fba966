"""`ship keys`: who may push and give commands, by ssh key or by token."""

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from receiver.cli import forward, given_file, show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, command, with_json
from receiver.cli.given_file import STDIN
from receiver.model.errors import UsageError
from receiver.model.grant import Grant
from receiver.model.names import AppName

if TYPE_CHECKING:
    from receiver.access.keys import Key

_LONGEST_KEY = 16_384


@command(
    "keys",
    example="$ ship keys\nci      token        token 3f1c...  2026-01-31T09:00:00Z  blog: deploy\n"
    "laptop  ssh-ed25519  SHA256:u5q...  2026-01-31T08:00:00Z  admin",
)
@with_json
def list_keys(call: Call, *, as_json: bool) -> None:
    """List the keys and tokens, and what each may do."""
    from receiver.access import keys

    found = keys.list_keys(call.layout)
    if as_json:
        show.as_json([as_data(call, key) for key in found])
    else:
        rows = [(it.name, it.kind, it.fingerprint, it.created_at, may(call, it)) for it in found]
        show.table(("Name", "Kind", "Fingerprint", "Since", "May"), rows)


def _add_over_ssh(
    call: Call, place: Destination, name: str, given: str | None, **options: Any
) -> int:
    """Read the key here, where its file is; the server sees only its text."""
    flags = {"--token": "token", "--admin": "admin", "--json": "as_json"}
    shown = [flag for flag, option in flags.items() if options[option]]
    shown += [f"--grant={grant}" for grant in options["grants"]]
    text = () if options["token"] else (_key_text(call, given),)
    words = ["keys:add", *shown, "--", name, *text]
    forward.become_ssh(place, words, call.environment, terminal=False)


class _Granted(NamedTuple):
    """What a new key may do: everywhere, and to single apps."""

    everywhere: Grant | None
    apps: Mapping[AppName, Grant]


def _with_grants(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say what a key may do, handed on as `granted`."""

    @wraps(function)
    def parsed(call: Call, *, grants: tuple[str, ...], admin: bool, **rest: Any) -> Any:
        from receiver.cli.commands.access import parse_granted

        wanted = dict(parse_granted(grant) for grant in grants)
        everywhere = "admin" if admin else wanted.get(None)
        apps = {call.server.app(app).name: grant for app, grant in wanted.items() if app}
        return function(call, granted=_Granted(everywhere, apps), **rest)

    for option in (
        click.option(
            "--grant",
            "grants",
            multiple=True,
            metavar="APP=GRANT",
            help="What it may do to an app, as in `blog=deploy`; `*=view` is for every "
            "app. Can be given several times.",
        ),
        click.option("--admin", is_flag=True, help="It may do everything."),
    ):
        parsed = option(parsed)
    return parsed


@command(
    "keys:add",
    over_ssh=_add_over_ssh,
    example="$ ship keys:add laptop ~/.ssh/id_ed25519.pub --admin\nlaptop  SHA256:u5q...\n"
    "laptop is an admin of the server: it may do everything.\n"
    "$ token=$(ship keys:add --token ci --grant blog=deploy)\n"
    "The token ci is shown this once:\nci may deploy blog.",
)
@click.option("--token", is_flag=True, help="Make a token for pushes over HTTP; printed this once.")
@_with_grants
@with_json
@click.argument("name")
@click.argument("given", required=False, metavar="[KEY | FILE | -]")
def add(
    call: Call, name: str, given: str | None, granted: _Granted, *, token: bool, as_json: bool
) -> None:
    """Let a public key in, given as text, as a file or on standard input; or make a token.

    The server's first key is an admin. Any other may do nothing until it is granted something:
    here, or by access:add.
    """
    from receiver.access import keys

    layout, now = call.layout, call.server.clock.stamp()
    secret = ""
    if token:
        key, secret = keys.add_token(layout, name, now, granted.everywhere)
        show.progress(f"The token {name} is shown this once:")
    else:
        key = keys.add_key(layout, name, _key_text(call, given), now, granted.everywhere)
    for app, grant in granted.apps.items():
        keys.grant_app(layout, key.name, app, grant)
    if as_json:
        show.as_json({**as_data(call, key), **({"token": secret} if token else {})})
    else:
        show.data(secret or f"{key.name}  {key.fingerprint}")
    show.progress(told(call, key))


@command("keys:remove", example="$ ship keys:remove laptop\nlaptop  SHA256:u5q...")
@click.argument("name")
def remove(call: Call, name: str) -> None:
    """Let a key or token in no more, and take its grants back.

    Over ssh, the last ssh key of an admin stays.
    """
    from receiver.access import keys

    key = keys.remove_key(call.layout, name, keep_one=call.key is not None)
    show.data(f"{key.name}  {key.fingerprint}")


@command(
    "keys:rename",
    example="$ ship keys:rename laptop old-laptop\nold-laptop  SHA256:u5q...",
)
@click.argument("name")
@click.argument("new")
def rename(call: Call, name: str, new: str) -> None:
    """Give a key or token another name; it keeps what it may do."""
    from receiver.access import keys

    key = keys.rename_key(call.layout, name, new)
    show.data(f"{key.name}  {key.fingerprint}")


def _key_text(call: Call, given: str | None) -> str:
    """The key itself, from wherever it was given; over ssh, what is no `-` is the key.

    Raises:
        UsageError: the file cannot be read
    """
    if given is None and sys.stdin.isatty():
        raise UsageError(
            "No key is given.",
            advice="Name the file of your public key: `ship keys:add laptop "
            "~/.ssh/id_ed25519.pub`.",
            reason="usage/no-key",
        )
    text = given or STDIN
    if text != STDIN and (call.key is not None or " " in text.strip()):
        return text
    advice = "Name the file of a public key, one that ends with .pub, or give its text."
    data = given_file.read(call, text, _LONGEST_KEY, reason="usage/no-key-file", advice=advice)
    return data.decode("utf-8", "replace")


def may(call: Call, key: "Key") -> str:
    """Such as `every app: view, blog: deploy`."""
    from receiver.cli.commands.access import apps_of

    if key.everywhere == "admin":
        return "admin"
    wide = [f"every app: {key.everywhere}"] if key.everywhere else []
    single = [f"{app}: {grant}" for app, grant in apps_of(call.layout, key).items()]
    return ", ".join([*wide, *single]) or "nothing"


def told(call: Call, key: "Key") -> str:
    """What a key that was let in may do, and what to type for more."""
    from receiver.cli.commands.access import apps_of, tell_everywhere

    if key.everywhere:
        return tell_everywhere(key.name, key.everywhere)
    single = [f"{grant} {app}" for app, grant in apps_of(call.layout, key).items()]
    if single:
        return f"{key.name} may {', '.join(single)}."
    return (
        f"{key.name} may do nothing yet. To let it push to blog: ship access:add {key.name} "
        "deploy -a blog\n"
        f"To let it do everything: ship access:add {key.name} admin"
    )


def as_data(call: Call, key: "Key") -> dict[str, object]:
    from receiver.cli.commands.access import apps_of

    return {
        "name": key.name,
        "kind": key.kind,
        "fingerprint": key.fingerprint,
        "created_at": key.created_at,
        "expires_at": key.expires_at or None,
        "everywhere": key.everywhere,
        "apps": apps_of(call.layout, key),
    }
