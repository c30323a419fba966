"""`ship keys`: who may push and give commands, by ssh key or by token."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from receiver.cli import forward, show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, Command, with_json
from receiver.model.errors import UsageError

if TYPE_CHECKING:
    from receiver.keys import Key

_STDIN = "-"
_LONGEST_KEY = 16_384


@click.command(
    "keys", cls=Command,
    example="$ ship keys\nlaptop  ssh-ed25519  SHA256:u5q...  2026-01-31T08:00:00Z",
)  # fmt: skip
@with_json
def list_keys(call: Call, *, as_json: bool) -> None:
    """List the keys and tokens that may push and give commands."""
    from receiver import keys

    found = keys.list_keys(call.server.layout)
    if as_json:
        show.as_json([_as_data(key) for key in found])
    else:
        rows = [(key.name, _kind(key), key.fingerprint, key.created_at) for key in found]
        show.table(("Name", "Kind", "Fingerprint", "Since"), rows)


def _add_over_ssh(
    call: Call, place: Destination, name: str, given: str | None, *, token: bool, as_json: bool
) -> int:
    """Read the key here, where its file is; the server sees only its text."""
    options = ["--json"] if as_json else []
    if token:
        words = ["keys:add", "--token", *options, "--", name]
    else:
        words = ["keys:add", *options, "--", name, _key_text(call, given)]
    forward.become_ssh(place, words, call.environment, terminal=False)


@click.command(
    "keys:add", cls=Command, over_ssh=_add_over_ssh,
    example="$ ship keys:add laptop ~/.ssh/id_ed25519.pub\nlaptop  SHA256:u5q...\n"
    "$ token=$(ship keys:add --token ci)",
)  # fmt: skip
@click.option("--token", is_flag=True, help="Make a token for pushes over HTTP; printed this once.")
@with_json
@click.argument("name")
@click.argument("given", required=False, metavar="[KEY | FILE | -]")
def add(call: Call, name: str, given: str | None, *, token: bool, as_json: bool) -> None:
    """Let a public key in, given as text, as a file or on standard input; or make a token."""
    from receiver import keys

    layout, now = call.server.layout, call.server.clock.stamp()
    if token:
        key, secret = keys.add_token(layout, name, now)
        show.progress(f"The token {name} is shown this once:")
        show.as_json({**_as_data(key), "token": secret}) if as_json else show.data(secret)
        return
    key = keys.add_key(layout, name, _key_text(call, given), now)
    show.as_json(_as_data(key)) if as_json else show.data(f"{key.name}  {key.fingerprint}")


@click.command(
    "keys:remove", cls=Command, example="$ ship keys:remove laptop\nlaptop  SHA256:u5q..."
)
@click.argument("name")
def remove(call: Call, name: str) -> None:
    """Let a key or token in no more. The last ssh key does not remove itself."""
    from receiver import keys

    key = keys.remove_key(call.server.layout, name, keep_one=call.key == name)
    show.data(f"{key.name}  {key.fingerprint}")


def _key_text(call: Call, given: str | None) -> str:
    """The key itself, from wherever it was given.

    A file is read only for who sits at this machine: over ssh, root would read it for anybody.

    Raises:
        UsageError: the file cannot be read
    """
    if given is None and sys.stdin.isatty():
        raise UsageError(
            "No key is given.",
            advice="Name the file of your public key: `ship keys:add laptop ~/.ssh/id_ed25519.pub`.",
            reason="usage/no-key",
        )
    if given in {None, _STDIN}:
        return sys.stdin.buffer.read(_LONGEST_KEY).decode("utf-8", "replace")
    text = given or ""
    if call.key is not None or " " in text.strip():
        return text
    try:
        with Path(text).open("rb") as handle:
            return handle.read(_LONGEST_KEY).decode("utf-8", "replace")
    except OSError as error:
        raise UsageError(
            f"The key file {text} cannot be read: {error.strerror}.",
            advice="Name the file of a public key, one that ends with .pub, or give its text.",
            reason="usage/no-key-file",
        ) from error


def _kind(key: "Key") -> str:
    return "token" if key.public is None else key.public.split()[0]


def _as_data(key: "Key") -> dict[str, str]:
    return {
        "name": key.name,
        "kind": _kind(key),
        "fingerprint": key.fingerprint,
        "created_at": key.created_at,
    }
