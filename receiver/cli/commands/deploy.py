"""`ship deploy` and `ship git:from-archive`: code without git, which takes the way of a push."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from receiver.cli import forward, sending
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, command, for_app
from receiver.model.errors import UsageError

_FROM_ARCHIVE = "git:from-archive"


def _with_options(function: Any) -> Any:
    message = click.option("-m", "--message", metavar="TEXT", help="The message of the commit.")
    option = click.option(
        "-o", "--push-option", "options", multiple=True, metavar="OPTION",
        help="As of `git push`: check or plan.",
    )  # fmt: skip
    return message(option(function))


def _deploy_over_ssh(
    call: Call, place: Destination, what: str, message: str | None, options: Sequence[str]
) -> int:
    words = _words(call, message or f"Deploy {sending.name_of(what)}", options)
    if what == sending.STDIN:
        forward.become_ssh(place, words, call.environment, terminal=False)
    with sending.opened(what) as archive:
        return forward.attach_ssh(place, words, call.environment, stdin=archive)


@command(
    "deploy",
    over_ssh=_deploy_over_ssh,
    example="$ ship deploy -a blog\nSending 12 files of /home/ada/blog, 9 KiB\n"
    "Left out (ignored by git, or never part of an app): .venv, __pycache__\n"
    "-----> Committing 12 files to main as 1a2b3c4\n...\n-----> v1 is live\n"
    "       http://blog.example.com",
)
@for_app
@_with_options
@click.argument("what", required=False, default=".", metavar="[FOLDER | FILE | URL | -]")
def deploy(call: Call, what: str, message: str | None, options: Sequence[str]) -> int:
    """Deploy a folder, an archive or the address of one; git is not needed.

    The server makes a commit of it on the deploy branch, and deploys that as if it were pushed. A
    folder is sent as it is on the disk, without what .gitignore names. Archives are tar files,
    plain or compressed by gzip, bzip2 or xz, and zips. `-` is standard input.
    """
    if call.key is not None and what != sending.STDIN:
        raise UsageError(
            "Over ssh, an archive is sent on standard input.",
            advice=f"Type: ssh ship@HOST {_FROM_ARCHIVE} -a NAME < app.tar.gz",
            reason="usage/file-over-ssh",
        )
    if what == sending.STDIN:
        return _take(call, message, options, sys.stdin.fileno())
    with sending.opened(what) as archive:
        text = message or f"Deploy {sending.name_of(what)}"
        return _take(call, text, options, archive.fileno())


def _from_archive_over_ssh(
    call: Call, place: Destination, message: str | None, options: Sequence[str]
) -> int:
    words = _words(call, message, options)
    return forward.become_ssh(place, words, call.environment, terminal=False)


@command(
    _FROM_ARCHIVE,
    over_ssh=_from_archive_over_ssh,
    example="$ tar czf - . | ssh ship@example.com git:from-archive -a blog\n"
    "-----> Committing 12 files to main as 1a2b3c4\n...\n-----> v1 is live\n"
    "       http://blog.example.com",
)
@for_app
@_with_options
def from_archive(call: Call, message: str | None, options: Sequence[str]) -> int:
    """Deploy the archive on standard input, as `ship deploy` does.

    It is a tar file, plain or compressed by gzip, bzip2 or xz, or a zip. Virtualenvs, `__pycache__`
    and `.git` in it are left out. One folder around it all is used as the top.
    """
    return _take(call, message, options, sys.stdin.fileno())


def _words(call: Call, message: str | None, options: Sequence[str]) -> list[str]:
    told = ("--message", message) if message else ()
    return [_FROM_ARCHIVE, "--app", call.app, *told, *(f"-o{option}" for option in options)]


def _take(call: Call, message: str | None, options: Sequence[str], source: int) -> int:
    """Deploy an archive on this machine: the owner's of an embedded server, or a key's there.

    On a VPS what is pushed is received by an account of its own, which acts for keys.
    """
    from receiver.push import door, from_archive, ssh
    from receiver.push.door import Caller

    server = call.server
    if server.host.accounts.separate:
        raise UsageError(
            "Archives are deployed over ssh, by a key.",
            advice=f"Type: ssh ship@{server.settings.domain} {_FROM_ARCHIVE} -a {call.app} < "
            "app.tar.gz",
            reason="usage/archive-over-ssh",
        )
    server.app(call.app)
    variables = {**call.environment.variables, "SHIP_ROOT": str(server.layout.etc.parent)}
    push = ssh.push_to(Caller(call.layout, call.by, variables, str), call.app)
    if call.key is None:
        push = push._replace(environment={**push.environment, door.OWNER: "1"})
    typed = from_archive.Words(app=call.app, message=message or "", option=list(options))
    return from_archive.serve(push, typed, call.by, source)
