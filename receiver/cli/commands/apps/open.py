"""`ship apps:open` and `ship apps:urls`: where an app answers, and a browser that shows it."""

import sys

import click

from receiver.cli import forward, show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, command, for_app, with_json
from receiver.cli.context import Environment
from receiver.model.errors import UsageError

_SETTLE_S = 2.0
_DESKTOP = ("DISPLAY", "WAYLAND_DISPLAY")


def _open_over_ssh(call: Call, place: Destination, given: str | None, option: str | None) -> int:
    path = _path(given, option)
    words = ["apps:open", "--app", call.app, *(["--", path] if path else [])]
    status, said = forward.ask_over_ssh(place, words, call.environment)
    if status == 0:
        _show(call, said.decode("utf-8", "replace").strip())
    return status


@command(
    "apps:open",
    over_ssh=_open_over_ssh,
    example="$ ship open /admin -a blog\nhttp://blog.example.com/admin",
)
@for_app
@click.option("--path", "option", metavar="PATH", help="The page, such as /admin.")
@click.argument("given", required=False, metavar="[PATH]")
def open_(call: Call, given: str | None, option: str | None) -> None:
    """Open an app in the browser of this machine, and print its URL; over ssh it is only
    printed.
    """
    call.server.app(call.app)
    url = call.server.url(call.app) + _path(given, option)
    if call.key is None:
        _show(call, url)
    else:
        show.data(url)


@command(
    "apps:urls",
    example="$ ship urls blog\nhttp://blog.example.com",
)
@for_app
@with_json
@click.argument("name", required=False)
def urls(call: Call, name: str | None, *, as_json: bool) -> None:
    """Print the URLs of an app, its own first, a line for each."""
    from receiver.state import records

    del name
    settings = records.read_app(call.server.app(call.app))
    names = (call.server.address(call.app), *settings.domains)
    found = [call.server.url_of(name) for name in names]
    if as_json:
        show.as_json(found)
        return
    for url in found:
        show.data(url)


def _path(given: str | None, option: str | None) -> str:
    path = option or given or ""
    if not path.isprintable() or " " in path:
        raise UsageError(
            f"{path!r} is not the path of a page.",
            advice="Write it as `/admin`, with %20 for a blank.",
            reason="usage/bad-argument",
        )
    return path if path.startswith("/") or not path else f"/{path}"


def _show(call: Call, url: str) -> None:
    """Print a URL, and have the first browser that there is show it."""
    show.data(url)
    if not url.startswith(("http://", "https://")):
        return
    from receiver.machine import shell

    variables = call.environment.variables
    for argv in _browsers(call.environment, url):
        if shell.launch(argv, env=variables, settle_s=_SETTLE_S):
            return
    show.progress("There is no browser here that could be started; BROWSER=PROGRAM names one.")


def _browsers(environment: Environment, url: str) -> list[list[str]]:
    """Commands that show a page, what the person chose first."""
    variables = environment.variables
    named = [each.split() for each in variables.get("BROWSER", "").split(":") if each.strip()]
    chosen = [
        [word.replace("%s", url) for word in words]
        if any("%s" in word for word in words)
        else [*words, url]
        for words in named
    ]
    if any(variables.get(name) for name in _DESKTOP):
        chosen.append(["xdg-open", url])
    if sys.platform == "darwin":
        chosen.append(["open", url])
    return chosen
