"""`ship git:remote` and `ship git:clone`: have a checkout know the app that it is of, or make
one.
"""

import shlex
from collections.abc import Callable
from typing import Any

import click

from receiver.cli import forward, show
from receiver.cli.checkout import REMOTE, Destination
from receiver.cli.command import Call, command, for_app
from receiver.model.errors import UsageError
from receiver.model.patterns import regex

_TOKEN = regex(r"(://[^:/@\s]*):[^@\s]*@")


def _with_remote(told: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options that say which app is meant, and what its git remote is called here."""
    app = click.option("-a", "--app", metavar="NAME", help="The app.")
    remote = click.option(
        "-r", "--remote", "name", metavar="NAME", default=REMOTE, show_default=True, help=told
    )
    return lambda function: app(remote(function))


def _remote_over_ssh(call: Call, place: Destination, name: str) -> int:
    return _set(call, name, place.remote_of(call.app))


@command(
    "git:remote",
    over_ssh=_remote_over_ssh,
    example="$ ship git:remote -a blog\nset git remote prod to ship@example.com:blog",
)
@_with_remote("The git remote to add or change.")
def remote(call: Call, name: str) -> int:
    """Have this checkout know an app: add or change the git remote that leads to it."""
    call.server.app(call.app)
    return _set(call, name, call.server.git_remote(call.app))


def _clone_over_ssh(call: Call, place: Destination, folder: str | None, name: str) -> int:
    return _clone(call, name, place.remote_of(call.app), folder)


@command(
    "git:clone",
    over_ssh=_clone_over_ssh,
    example="$ ship git:clone -a blog\nCloning into 'blog'...",
)
@_with_remote("What the new checkout calls the git remote.")
@click.argument("folder", required=False, type=click.Path())
def clone(call: Call, folder: str | None, name: str) -> int:
    """Make a checkout of an app's code, which knows where it came from: `git push prod main`
    works in it.
    """
    call.server.app(call.app)
    return _clone(call, name, call.server.git_remote(call.app), folder)


def _clone(call: Call, name: str, url: str, folder: str | None) -> int:
    if call.key is not None:
        raise UsageError(
            "A checkout is made where you are, not on the server.",
            advice=f"Type: git clone {url}",
            reason="usage/no-checkout",
        )
    words = ["clone", "--origin", name, "--", url, folder or call.app]
    forward.become_git(words, call.environment)


@command("git:refused")
@for_app
@click.argument("call_", metavar="push | fetch")
def refused(call: Call, call_: str) -> None:
    """Have on record what was refused at the gate: this is refused as well, by root."""
    del call, call_


def _set(call: Call, name: str, url: str) -> int:
    if not call.checkout.exists():
        raise UsageError(
            "This folder is not part of a git repository.",
            advice="Make it one with `git init`, or go to the app's checkout.",
            reason="usage/no-checkout",
        )
    before = call.checkout.urls().get(name)
    call.checkout.set_remote(name, url)
    if before and before != url:
        show.warning(_told_before(name, before))
    show.data(f"set git remote {name} to {url}")
    return 0


def _told_before(name: str, url: str) -> str:
    """Where a remote led, and how it does again; a token in it is not shown."""
    shown = _TOKEN.sub(r"\1:***@", url)
    again = f"To point it there again: git remote set-url {name} {shlex.quote(url)}"
    return "\n".join((f"{name} pointed to {shown} until now.", *([again] if shown == url else ())))
