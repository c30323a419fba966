"""`ship maintenance`: a page for visitors, while the app goes on running behind it."""

from typing import TYPE_CHECKING

import click

from receiver.cli import forward, given_file, show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, command, for_app, with_json
from receiver.model.errors import UsageError

if TYPE_CHECKING:
    from receiver.model.maintenance import Maintenance

_LONGEST_PAGE = 1024 * 1024
"""More than a page may have, so that one which is too long is told so, and not cut off."""


@command(
    "maintenance",
    example="$ ship maintenance -a blog\non\nSince 2026-01-31T08:00:00Z, by laptop. Let in: "
    "203.0.113.7.",
)
@for_app
@with_json
def report(call: Call, *, as_json: bool) -> None:
    """Tell whether an app is in maintenance: on or off, since when, by whom."""
    from receiver.apps import maintenance

    found = maintenance.look(call.server, call.app)
    if as_json:
        show.as_json(_as_data(found))
        return
    show.data("on" if found else "off")
    if found:
        show.progress(_told(found))


def _on_over_ssh(
    call: Call, place: Destination, message: str | None, page: str | None, allow: tuple[str, ...]
) -> int:
    """Read the page here, where its file is, and send its text."""
    _refuse_both(message, page)
    words = ["maintenance:on", "--app", call.app, *(f"--allow={address}" for address in allow)]
    if message is not None:
        words.append(f"--message={message}")
    if page is None:
        return forward.ask_over_ssh(place, words, call.environment)[0]
    given = _page(call, page).encode()
    return forward.ask_over_ssh(place, [*words, "--page=-"], call.environment, given=given)[0]


@command(
    "maintenance:on",
    over_ssh=_on_over_ssh,
    example="$ ship maintenance:on --message 'Back at nine.' -a blog\n"
    "Enabling maintenance mode for blog... done\n"
    "Visitors of http://blog.example.com see a page until `ship maintenance:off --app blog`.",
)
@for_app
@click.option("--message", metavar="TEXT", help="What ship's own page says to visitors.")
@click.option(
    "--page", metavar="FILE", help="A page of HTML in place of it; `-` is standard input."
)
@click.option(
    "--allow",
    metavar="ADDRESS",
    multiple=True,
    help="Let this address or network see the app. Can be given several times.",
)
def on(call: Call, message: str | None, page: str | None, allow: tuple[str, ...]) -> None:
    """Show visitors a page, with status 503, in place of the app; its processes go on running.

    Without --message and --page it is `maintenance.html` in the top folder of the live release, if
    there is one. It holds over deploys and reboots. Typed again, it changes what is given.
    """
    from receiver.apps import maintenance
    from receiver.model.maintenance import parse_address

    _refuse_both(message, page)
    text = None if page is None else _page(call, page)
    addresses = tuple(parse_address(address) for address in allow)
    wish = maintenance.Wish(by=call.by, message=message, page=text, allow=addresses)
    found = maintenance.switch_on(call.server, call.app, wish)
    show.progress(f"Enabling maintenance mode for {call.app}... done")
    show.progress(
        f"Visitors of {call.server.url(call.app)} see a page until"
        f" `ship maintenance:off --app {call.app}`."
    )
    if found.allow:
        show.progress(f"Let in: {', '.join(found.allow)}.")


@command(
    "maintenance:off",
    example="$ ship maintenance:off -a blog\nDisabling maintenance mode for blog... done",
)
@for_app
def off(call: Call) -> None:
    """Have visitors reach the app again."""
    from receiver.apps import maintenance

    maintenance.switch_off(call.server, call.app)
    show.progress(f"Disabling maintenance mode for {call.app}... done")


def _refuse_both(message: str | None, page: str | None) -> None:
    if message is not None and page is not None:
        raise UsageError(
            "A message and a page are given; visitors see one of them.",
            advice="Give --message for ship's own page, or --page for one of yours.",
            reason="usage/bad-page",
        )


def _page(call: Call, path: str) -> str:
    data = given_file.read(
        call, path, _LONGEST_PAGE, reason="usage/bad-page", advice="Name a file of HTML."
    )
    return data.decode("utf-8", "replace")


def _told(found: "Maintenance") -> str:
    let_in = f" Let in: {', '.join(found.allow)}." if found.allow else ""
    return f"Since {found.since}, by {found.by}.{let_in}"


def _as_data(found: "Maintenance | None") -> dict[str, object]:
    if found is None:
        return {"maintenance": False, "since": None, "by": None, "allow": []}
    return {"maintenance": True, "since": found.since, "by": found.by, "allow": list(found.allow)}
