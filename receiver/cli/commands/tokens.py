"""`ship tokens`: what CI services and other programs push with over HTTPS."""

from typing import TYPE_CHECKING

import click

from receiver.cli import show
from receiver.cli.command import Call, command, with_json
from receiver.cli.commands.keys import as_data, told
from receiver.model.grant import FOR_GIT, Grant, suffices
from receiver.model.names import AppName

if TYPE_CHECKING:
    from receiver.access.keys import Key


@command(
    "tokens",
    example="$ ship tokens\nci  blog: deploy  since 2026-11-30  until 2027-02-28",
)
@with_json
def list_tokens(call: Call, *, as_json: bool) -> None:
    """List the tokens, what each may do, and when it expires. Their text is shown by nobody."""
    from receiver.access import keys

    found = [key for key in keys.list_keys(call.layout) if key.public is None]
    if as_json:
        show.as_json([as_data(call, key) for key in found])
        return
    show.table(("Name", "May", "Since", "Expires"), [_row(call, key) for key in found])
    if not found:
        show.progress(
            "There is no token. To make one that may push to blog: ship tokens:add ci blog"
        )


@command(
    "tokens:add",
    example="$ ship tokens:add ci blog --expires 90d\n"
    "The token ci is shown this once:\n3q2-7w…\nci may deploy blog.\n"
    "It expires at 2027-02-28T09:00:00Z.\n"
    "To push: git push https://ci:TOKEN@ship.example.com/git/blog.git main",
)
@click.option(
    "--grant",
    "grants",
    multiple=True,
    metavar="APP=GRANT",
    help="Another grant than deploy: `blog=view`; `*=deploy` is for every app.",
)
@click.option("--expires", metavar="TIME", help="`90d`, `12h` or `2027-03-01`; else never.")
@click.option("-a", "--app", "more", multiple=True, metavar="APP", help="The same as APP.")
@with_json
@click.argument("name")
@click.argument("apps", nargs=-1, metavar="[APP...]")
def add(  # noqa: PLR0913 - one for each option
    call: Call,
    name: str,
    apps: tuple[str, ...],
    grants: tuple[str, ...],
    expires: str | None,
    more: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Make a token that may push to some apps, and see no other; it is printed this once.

    It counts as the password of HTTP, with any user name.
    """
    from receiver.access import keys
    from receiver.cli.commands.access import parse_granted
    from receiver.model.expiry import parse_expiry

    now = call.server.clock.stamp()
    wanted: list[tuple[AppName | None, Grant]] = [
        (AppName.parse(app), "deploy") for app in (*apps, *more)
    ]
    wanted += [parse_granted(grant) for grant in grants]
    of_apps = {call.server.app(app).name: grant for app, grant in wanted if app is not None}
    everywhere = dict(wanted).get(None)
    until = parse_expiry(expires, now) if expires else None
    key, secret = keys.add_token(call.layout, name, now, everywhere, expires_at=until)
    for app, grant in of_apps.items():
        keys.grant_app(call.layout, key.name, app, grant)
    if as_json:
        show.as_json({**as_data(call, key), "token": secret})
    else:
        show.progress(f"The token {name} is shown this once:")
        show.data(secret)
    show.progress("\n".join([told(call, key), *([f"It expires at {until}."] if until else ())]))
    pushes_to = next((app for app, grant in of_apps.items() if suffices(grant, FOR_GIT)), None)
    if not as_json and (pushes_to or suffices(everywhere, FOR_GIT)):
        for line in _how_to_push(call, key, pushes_to):
            show.progress(line)


@command("tokens:remove", example="$ ship tokens:remove ci\nci may push no more.")
@click.argument("name")
def remove(call: Call, name: str) -> None:
    """Revoke a token and its grants."""
    from receiver.access import keys

    key = keys.find_token(call.layout, name)
    keys.remove_key(call.layout, key.name)
    show.progress(f"{key.name} may push no more.")


def _row(call: Call, key: "Key") -> tuple[str, str, str, str]:
    from receiver.cli.commands.keys import may

    until = str(key.expires_at) if key.expires_at else ""
    over = key.is_over(call.server.clock.stamp())
    expires = f"{'expired' if over else 'until'} {until[:10]}" if until else "never"
    return key.name, may(call, key), f"since {key.created_at[:10]}", expires


def _how_to_push(call: Call, key: "Key", app: AppName | None) -> list[str]:
    """The line to type, and what keeps it from working yet."""
    server = call.server
    remote = server.http_remote(app or AppName("blog"))
    scheme, _, rest = remote.partition("://")
    lines = [f"To push: git push {scheme}://{key.name}:TOKEN@{rest} main"]
    host = rest.partition("/")[0]
    if scheme == "https" and server.settings.tls_port and not server.has_certificate(host):
        from receiver.state import certificates

        trouble = certificates.read(server.layout, host).trouble
        why = f"{trouble.title} {trouble.advice}" if trouble else "It is being ordered."
        lines.append(f"There is no certificate for {host} yet. {why}")
    return lines
