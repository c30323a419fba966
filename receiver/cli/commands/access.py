"""`ship access`: which key may do what to an app, and to the server; and `ship whoami`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from receiver.cli import show
from receiver.cli.command import Call, Command, command, for_app, with_json
from receiver.model.errors import NotFoundError, UsageError
from receiver.model.grant import Grant, higher, parse_grant
from receiver.model.names import AppName

if TYPE_CHECKING:
    from receiver.access.keys import Key
    from receiver.model.layout import Layout

_WIDE = "wide"
_DEFAULT = "deploy"


class _Access(Command):
    """Of one app; with --all-apps, or about admins, of the whole server."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        if ctx.resilient_parsing:  # somebody is still typing
            return rest
        given = ctx.params.pop("grant", None), ctx.params.pop("permissions", None)
        if all(given):
            raise UsageError(
                f"Two grants are given: {given[0]} and {given[1]}.",
                advice="Give it once: `ship access:add ci deploy -a blog`.",
                reason="usage/bad-grant",
            )
        grant = parse_grant(given[0] or given[1] or _DEFAULT)
        ctx.params["grant"] = grant
        admin = grant == "admin"
        if admin and ctx.params.get("app"):
            raise UsageError(
                "admin is not a grant for one app: an admin may do everything, to every app "
                "and the server.",
                advice="For the app alone, give manage. For the server, leave out the app: `ship "
                "access:add KEY admin`.",
                reason="usage/admin-of-an-app",
            )
        ctx.params[_WIDE] = ctx.params[_WIDE] or admin
        if ctx.params[_WIDE] and ctx.params.get("app"):
            raise UsageError(
                "Either one app is meant or all of them.",
                advice="Leave out --app or --all-apps.",
                reason="usage/bad-command-line",
            )
        return rest


def _with_grant(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.argument("grant", required=False, metavar="[view | deploy | manage | admin]"),
        click.argument("key", metavar="KEY"),
        click.option(
            "-p", "--permissions", metavar="GRANT", help="The grant, as it is typed on Heroku."
        ),
        click.option(
            "--all-apps", _WIDE, is_flag=True, help="For every app, those to come as well."
        ),
        for_app,
    ):
        function = option(function)
    return function


@command(
    "access",
    example="$ ship access -a blog\nci      token        deploy\n"
    "laptop  ssh-ed25519  admin   admin of the server",
)
@for_app
@with_json
def report(call: Call, *, as_json: bool) -> None:
    """Show which keys may do what to an app.

    view: see what it is and what it writes, but no values of config vars. deploy: push and fetch
    code, roll back, config vars, one-off commands. manage: processes, limits, checks, access,
    destroy. admin: everything, for every app and the server itself.
    """
    from receiver.access import grants as access
    from receiver.access import keys

    layout, app = call.layout, call.server.app(call.app).name
    own = access.of_app(layout, app)
    found = [
        (key, grant, _origin(key, own.get(key.name)))
        for key in keys.list_keys(layout)
        if (grant := higher(key.everywhere, own.get(key.name)))
    ]
    if as_json:
        show.as_json(
            [
                {
                    "key": key.name,
                    "kind": key.kind,
                    "grant": grant,
                    "everywhere": key.everywhere,
                    "app": own.get(key.name),
                }
                for key, grant, _ in found
            ]
        )
        return
    if not found:
        show.progress(
            f"No key may do anything to {app}. To let one push: ship access:add KEY -a {app}"
        )
    rows = [(key.name, key.kind, grant, origin) for key, grant, origin in found]
    show.table(("Key", "Kind", "May", "Because"), rows)


@command(
    "access:add",
    cls=_Access,
    example="$ ship access:add ci deploy -a blog\nci may deploy blog.\n"
    "$ ship access:add anna admin\nanna is an admin of the server.",
)
@_with_grant
def add(call: Call, key: str, grant: Grant, *, wide: bool) -> None:
    """Let a key do something to an app; deploy where no grant is named.

    Whoever manages the app can type this.

    What it was granted before is replaced. `admin`, which is a grant for the whole server, and
    --all-apps go without an app, and take an admin.
    """
    _grant(call, key, grant, wide=wide)


@command(
    "access:update",
    cls=_Access,
    example="$ ship access:update ci view -a blog\nci may view blog.",
)
@_with_grant
def update(call: Call, key: str, grant: Grant, *, wide: bool) -> None:
    """Change what a key that was let in may do; with --all-apps, also an admin's."""
    _granted(call, key, wide=wide)
    _grant(call, key, grant, wide=wide)


@command(
    "access:remove",
    cls=_Access,
    example="$ ship access:remove ci -a blog\nci may do nothing to blog any more.",
)
@_with_grant
def remove(call: Call, key: str, grant: Grant, *, wide: bool) -> None:
    """Take back what a key was granted for an app; with --all-apps, what it may do everywhere.

    `keys:remove` shuts it out.
    """
    del grant  # only `admin` says something here: that no app is meant
    found = _granted(call, key, wide=wide)
    _set(call, key, None, wide=wide)
    if wide:
        show.progress(tell_everywhere(found.name, None))
    elif found.everywhere:
        show.progress(
            f"What {found.name} may do to {call.app} now: {found.everywhere}, as to every app."
        )
    else:
        show.progress(f"{found.name} may do nothing to {call.app} any more.")


@command(
    "whoami",
    example="$ ssh ship@example.com whoami\nci    token\nblog  deploy",
)
@with_json
def whoami(call: Call, *, as_json: bool) -> None:
    """Tell which key this is, and what it may do."""
    if call.key is None:
        if as_json:
            show.as_json({"key": None, "user": call.by, "everywhere": "admin", "apps": {}})
        else:
            show.data(call.by)
            show.progress("You are on the server itself: you may do everything, and need no key.")
        return
    from receiver.access import keys

    key = keys.find_key(call.layout, call.key)
    apps = apps_of(call.layout, key)
    if as_json:
        show.as_json(
            {"key": key.name, "kind": key.kind, "everywhere": key.everywhere, "apps": apps}
        )
        return
    rows = [(key.name, key.kind)]
    rows += [("every app", key.everywhere)] if key.everywhere else []
    show.table(("", ""), [*rows, *apps.items()])
    if key.everywhere == "admin":
        show.progress("It is an admin: it may do everything, to every app and the server.")
    elif not key.everywhere and not apps:
        show.progress(
            f"It may do nothing yet. An admin can type: ship access:add {key.name} -a APP"
        )


def apps_of(layout: "Layout", key: "Key") -> dict[str, str]:
    """What a key was granted for single apps, by their names."""
    from receiver.access import grants as access
    from receiver.state import records

    found = {
        str(app): access.of_app(layout, app).get(key.name) for app in records.app_names(layout)
    }
    return {app: grant for app, grant in found.items() if grant}


def tell_everywhere(name: str, grant: Grant | None) -> str:
    """What a grant for the whole server comes to, in a sentence."""
    if grant == "admin":
        return f"{name} is an admin of the server: it may do everything."
    if grant is None:
        return f"{name} may do what it was granted for single apps, and nothing else."
    return f"{name} may {grant} every app."


def _granted(call: Call, name: str, *, wide: bool) -> "Key":
    """The key that was granted something: for all apps, or for this one."""
    from receiver.access import grants as access
    from receiver.access import keys

    found = keys.find_key(call.layout, name)
    there = found.everywhere if wide else access.of_app(call.layout, call.app).get(found.name)
    if there is None:
        raise _no_grant(call, found, wide=wide)
    return found


def _grant(call: Call, name: str, grant: Grant, *, wide: bool) -> None:
    found = _set(call, name, grant, wide=wide)
    if wide:
        show.progress(tell_everywhere(found.name, grant))
        return
    show.progress(f"{found.name} may {grant} {call.app}.")
    more = higher(found.everywhere, grant)
    if more == "admin":
        show.progress("It is an admin, so this adds nothing.")
    elif more != grant:
        show.progress(f"It may {more} every app, so this adds nothing.")


def _set(call: Call, name: str, grant: Grant | None, *, wide: bool) -> "Key":
    from receiver.access import keys

    if wide:
        over_ssh = call.key is not None
        return keys.grant_everywhere(call.layout, name, grant, keep_one=over_ssh)
    return keys.grant_app(call.layout, name, call.app, grant)


def _no_grant(call: Call, key: "Key", *, wide: bool) -> NotFoundError:
    if wide:
        return NotFoundError(
            f"{key.name} was granted nothing for all apps.",
            advice="`ship keys` tells what each key may do.",
            reason="not-found/grant",
        )
    by_server = _origin(key, None)
    return NotFoundError(
        f"{key.name} was granted nothing for {call.app}.",
        detail=f"What it may do, it may as {by_server}."
        if key.everywhere == "admin"
        else f"It may {key.everywhere} every app."
        if key.everywhere
        else "",
        advice=f"To change that: `ship access:update {key.name} GRANT --all-apps`."
        if by_server
        else (
            f"`ship access -a {call.app}` lists who may do what; `ship access:add {key.name} -a "
            f"{call.app}` lets it push."
        ),
        reason="not-found/grant",
    )


def _origin(key: "Key", own: Grant | None) -> str:
    if key.everywhere is None or higher(own, key.everywhere) != key.everywhere:
        return ""
    return "admin of the server" if key.everywhere == "admin" else "for every app"


def parse_granted(text: str) -> tuple[AppName | None, Grant]:
    """`blog=deploy` as an app and a grant; `*=view` is for every app, which is None."""
    name, equals, grant = text.partition("=")
    if not equals:
        raise UsageError(
            f"{text!r} does not say for which app.",
            advice="Write APP=GRANT, as in `--grant blog=deploy`; `'*=view'` is for every app.",
            reason="usage/bad-grant",
        )
    parsed = parse_grant(grant)
    if parsed == "admin":
        raise UsageError(
            "admin is not a grant for apps: an admin may do everything, to every app and "
            "the server.",
            advice="Say --admin instead.",
            reason="usage/admin-of-an-app",
        )
    return (None if name == "*" else AppName.parse(name)), parsed
