"""`ship import`: what Ship makes of the files that an app had for Heroku, Dokku or Piku."""

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from receiver.cli import forward, show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, command, for_app, with_json
from receiver.cli.commands.config.input import read_bytes
from receiver.cli.given_file import STDIN
from receiver.model.terminal import harmless

if TYPE_CHECKING:
    from receiver.importing.values import Imported


@command(
    "import",
    example="$ ship import\n=== Procfile\n\n1: wsgi: blog.wsgi:app\n"
    "   by hand: Write `web: gunicorn blog.wsgi:app` in its place.\n\n=== ENV\n\n"
    "1: UWSGI_PROCESSES=4\n"
    "   to type: ship ps:scale web=4\n2: SECRET_KEY=...\n"
    "   config var: ship config:set SECRET_KEY=...",
)
@for_app
@with_json
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    type=click.Path(),
    help="Config vars of the app as they are there: what `heroku config --json` prints, or lines "
    "NAME=VALUE; `-` reads standard input.",
)
@click.option("--write", "writes", is_flag=True, help="Add to ship.toml what it lacks.")
@click.option(
    "--apply", "applies", is_flag=True, help="Set config vars and settings on the server."
)
@click.argument("folder", default=".", type=click.Path(path_type=Path))
def import_(
    call: Call,
    folder: Path,
    config_file: str | None,
    *,
    writes: bool,
    applies: bool,
    as_json: bool,
) -> int:
    """Read the files that an app in this folder had for Heroku, Dokku or Piku, and say what
    becomes of each line.

    Nothing is changed without --write or --apply.
    """
    from receiver.importing import translation as importing

    if applies:
        _ = call.app  # before anything is read: which app is meant has to be known
    found = importing.look(
        folder,
        _config(call, config_file),
        config_file or "",
    )
    text, there = importing.additions(folder, found)
    if as_json:
        show.as_json(_as_data(found, text))
    else:
        _show(found, text, there)
    if writes:
        _write(folder, text)
    return _apply(call, found) if applies else 0


def _write(folder: Path, text: str) -> None:
    from receiver.importing import translation as importing

    if not text:
        show.progress("ship.toml lacks nothing of it; it stays as it is.")
        return
    importing.write(folder, text)
    show.progress("Added to ship.toml. Look at it, then commit it.")


def _config(call: Call, file: str | None) -> Mapping[str, str]:
    from receiver.model import config_formats

    if file is None:
        return {}
    return config_formats.read(
        read_bytes(call, file), "the standard input" if file == STDIN else file
    )


def _show(found: "Imported", text: str, there: list[str]) -> None:
    from receiver.importing.values import FATES

    if not found.findings:
        show.progress(
            "Nothing here is of Heroku, Dokku or Piku: no Procfile, app.json, CHECKS or ENV."
        )
    for file, findings in groupby(found.findings, lambda it: it.file):
        show.heading(file)
        show.data("")
        for each in findings:
            show.data(harmless(each.seen, colours=False))
            show.data(f"   {FATES[each.fate]}: {harmless(each.told, colours=False)}")
        show.data("")
    if text:
        show.heading("For ship.toml; --write adds it")
        show.data(f"\n{text}")
    for name in there:
        show.progress(f"[{name}] stands in ship.toml already, and stays as it is.")
    _show_commands(found)


def _show_commands(found: "Imported") -> None:
    lines = [" ".join(words) for words in found.commands]
    if found.config:
        lines.append(f"config:set {' '.join(f'{name}=...' for name in found.config)}")
    if lines:
        show.heading("For the server; --apply does it")
        show.data("")
    for line in lines:
        show.data(f"ship {line}")


def _as_data(found: "Imported", text: str) -> dict[str, object]:
    return {
        "findings": [
            {"file": it.file, "seen": it.seen, "fate": it.fate, "told": it.told}
            for it in found.findings
        ],
        "ship_toml": text,
        "config": sorted(found.config),
        "commands": [list(words) for words in found.commands],
    }


def _apply(call: Call, found: "Imported") -> int:
    """Have the server set all of it: config vars first, in one release; ends with what fails
    first.
    """
    from receiver.model import config_formats

    if found.config:
        text = config_formats.written(found.config, "env")
        status = _do(call, ("config:import", "--format", "env", STDIN), text)
        if status:
            return status
    for words in found.commands:
        show.progress(f"$ ship {' '.join(words)}")
        status = _do(call, words, b"")
        if status:
            return status
    _tell_what_is_left(call, found)
    return 0


def _tell_what_is_left(call: Call, found: "Imported") -> None:
    if found.left_out:
        pairs = " ".join(f"{name}=..." for name in found.left_out)
        show.progress(f"Not set, since they lead to the old platform: {', '.join(found.left_out)}.")
        show.progress(f"First: ship config:set -a {call.app} {pairs}")
        show.progress("Then, to put the app live: git push prod main")
    else:
        show.progress("All of it is set. To put the app live: git push prod main")


def _do(call: Call, words: tuple[str, ...], given: bytes) -> int:
    from receiver.machine import shell

    name, *rest = words
    line = [name, "--app", call.app, *rest]
    environment, place = call.environment, call.place
    if isinstance(place, Destination):
        status, said = forward.ask_over_ssh(place, line, environment, given=given)
    elif place.root is None and not environment.is_root:
        status, said = forward.hand_over(place, line, environment, given)
    else:
        own = [str(environment.program / "ship"), *line]
        status, said = shell.read(own, env=environment.variables, given=given)
    show.transcript(said)
    return status
