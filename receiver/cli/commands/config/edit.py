"""`ship config:edit`: config vars in an editor, on the machine where it is typed."""

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from receiver.cli import forward, show
from receiver.cli.command import Call, command
from receiver.cli.commands.config.change import changes_config, options_again, perform, wished
from receiver.cli.commands.config.input import check_is_set, read_bytes, values_of
from receiver.cli.given_file import STDIN
from receiver.cli.place import Place
from receiver.model.config_formats import read, written
from receiver.model.errors import ShipError, UsageError
from receiver.model.names import parse_config_name

Config = Mapping[str, str]
_HEAD = """# Config vars of {app}: one NAME=VALUE on a line, with quotation marks as in a .env file.
# What is changed here makes one release; a line that is removed unsets its config var.

"""
_DEFAULT_EDITOR = "vi"


def _edit_over_there(call: Call, place: Place, name: str | None, *, sent: bool, **how: Any) -> int:
    """Fetch the config vars, edit them here, and send what was made of them."""
    del sent
    # not `config --json`, which would tell an error as JSON too
    line = ["config:export", "--app", call.app, "--format", "json"]
    status, said = forward.hand_over(place, line, call.environment, b"")
    if status:
        return status

    def send(before: Config, after: Config) -> int:
        line = ["config:edit", "--app", call.app, "--sent", *options_again(**how)]
        both = json.dumps({"before": dict(before), "after": dict(after)}).encode()
        ended, printed = forward.hand_over(place, line, call.environment, both)
        show.write(printed)
        return ended

    return _edit(call, read(said, "the server's answer", "json"), name, send)


@command(
    "config:edit",
    hand_over=_edit_over_there,
    example="$ ship config:edit -a blog\n-----> Set GREETING config var; Unset DEBUG config var\n"
    "...\nv7\n"
    "$ ship config:edit GREETING -a blog",
)
@changes_config
@click.option("--sent", is_flag=True, hidden=True)
@click.argument("name", required=False, metavar="[NAME]")
def edit(call: Call, name: str | None, *, sent: bool, **how: Any) -> int:
    """Edit all config vars, or the value of one, in $VISUAL or $EDITOR on this machine."""
    if sent:
        return _perform(call, *_sent(read_bytes(call, STDIN)), **how)
    if call.key is not None:
        raise UsageError(
            "An editor is opened where you sit, and this is the server.",
            advice="Type `ship config:edit` on a laptop with the program `ship`; or fetch them "
            "with config:export, edit"
            " them, and send them with config:import.",
            reason="usage/edit-over-ssh",
        )
    send = lambda before, after: _perform(call, before, after, **how)  # noqa: E731
    return _edit(call, values_of(call), name, send)


def _sent(data: bytes) -> tuple[Config, Config]:
    """What the config vars were and what they are to be, as a laptop sends it: whoever has a key
    can send anything.
    """
    try:
        before, after = (json.dumps(json.loads(data)[side]) for side in ("before", "after"))
    except (ValueError, LookupError, TypeError) as error:
        raise UsageError(
            "What came is not what `ship config:edit` sends.",
            advice="Type `ship config:edit` on a laptop with the program `ship`.",
            reason="usage/bad-config-json",
        ) from error
    source = "what was sent"
    return read(before.encode(), source, "json"), read(after.encode(), source, "json")


def _perform(call: Call, before: Config, after: Config, **how: Any) -> int:
    """Have config vars changed as somebody edited them, unless somebody else changed the same
    ones meanwhile.
    """
    from receiver.model.config_vars import Difference

    difference = Difference.between(before, after)
    wish = wished(
        call,
        values={name: after[name] for name in difference.set},
        removed=difference.unset,
        expected={name: before.get(name) for name in difference.names},
    )
    return perform(call, wish, label=True, **how)


def _edit(
    call: Call, before: Config, name: str | None, send: Callable[[Config, Config], int]
) -> int:
    """Have config vars edited, and send what differs; a text that comes to nothing is kept."""
    if name is not None:
        check_is_set(call, parse_config_name(name), dict(before))
    draft = _Draft(call, before, name)
    done = False
    try:
        after = draft.edited()
        status = send(before, after) if after != before else 0
        done = status == 0
    except ShipError as error:
        error.advice = f"{error.advice} {draft.kept()}".strip()
        raise
    except click.Abort:
        show.progress(draft.kept())
        raise
    finally:
        draft.close(keep=not done)
    if after == before:
        show.progress("Nothing was changed.")
    elif status:
        show.progress(draft.kept())
    return status


class _Draft:
    """The text that is edited, in a folder that nobody else can look into."""

    def __init__(self, call: Call, before: Config, name: str | None) -> None:
        self._call = call
        self._before = before
        self._name = name
        # one in memory, where there is one, leaves nothing on a disk
        above = call.environment.variables.get("XDG_RUNTIME_DIR")
        self._folder = Path(tempfile.mkdtemp(prefix="ship-config-", dir=above or None))
        self._path = self._folder / (name or "config.env")
        self._first = self._text()
        self._path.touch(mode=0o600)
        self._path.write_bytes(self._first)

    def _text(self) -> bytes:
        if self._name is not None:
            return self._before[self._name].encode("utf-8", "surrogateescape")
        return _HEAD.format(app=self._call.app).encode() + written(self._before, "env")

    def edited(self) -> dict[str, str]:
        """What the text says when it can be read.

        Raises:
            ShipError: it cannot, and is not to be edited again
        """
        while True:
            self._run_editor()
            try:
                return self._read()
            except ShipError as error:
                if not self._call.environment.types:
                    raise
                show.error(error, as_json=False)
                if not click.confirm("Edit it again?", err=True, default=True):
                    raise click.Abort from error

    def _read(self) -> dict[str, str]:
        from receiver.model.config_vars import check_value

        data = self._path.read_bytes()
        if self._name is None:
            return read(data, "the edited text", "env")
        if not self._first.endswith(b"\n"):
            data = data.removesuffix(b"\n")  # which editors put at the end by themselves
        value = data.decode("utf-8", "surrogateescape")
        check_value(self._name, value)
        return {**self._before, self._name: value}

    def _run_editor(self) -> None:
        from receiver.machine import shell

        variables = self._call.environment.variables
        editor = variables.get("VISUAL") or variables.get("EDITOR") or _DEFAULT_EDITOR
        # by a shell, as git does it: an editor may come with options
        status = shell.attach(
            ("/bin/sh", "-c", f'{editor} "$@"', editor, str(self._path)), env=variables
        )
        if status:
            raise UsageError(
                f"The editor {editor} ended with exit status {status}. Nothing was changed.",
                advice="Name another one, for example: `EDITOR=nano ship config:edit`.",
                reason="usage/editor-failed",
            )

    def kept(self) -> str:
        """Where the text stays that came to nothing; empty where nothing was changed in it."""
        if not self._is_changed():
            return ""
        return f"Your text is kept in {self._path}. It holds values: remove it when you are done."

    def close(self, *, keep: bool) -> None:
        """Remove the text, with all that the editor left beside it, unless it is to be kept for
        its changes.
        """
        import shutil

        if not keep or not self._is_changed():
            shutil.rmtree(self._folder, ignore_errors=True)

    def _is_changed(self) -> bool:
        return self._path.exists() and self._path.read_bytes() != self._first
