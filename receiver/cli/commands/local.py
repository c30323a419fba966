"""`ship local`: the app of this checkout on this machine, run as a server would."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from receiver.cli import forward, show
from receiver.cli.command import Call, command
from receiver.model.errors import UsageError
from receiver.model.patterns import regex
from receiver.model.terminal import harmless_bytes

if TYPE_CHECKING:
    from receiver.local.build import Wish
    from receiver.local.laptop import CheckoutPaths, Laptop

_WORDS = {"allow_interspersed_args": False}
_HANDED_ON = ("HOME", "LANG", "LC_ALL", "LOGNAME", "TERM", "TMPDIR", "TZ", "USER")
_COUNT = regex(r"([A-Za-z0-9][A-Za-z0-9_-]*)[=:](\d{1,3})")
_COLOURS = ("36", "33", "32", "35", "34", "96", "93", "92", "95", "94")
_LAST_PORT = 65_535
_STOPPED_AT_ONCE = 130
_NOT_A_PROGRAM, _NO_PROGRAM = 126, 127
"""What a shell says too."""


@command(
    "local",
    example="$ ship local\n-----> Python app detected\n...\n"
    "15:04:05 ship     | blog is at http://localhost:5000\n"
    "15:04:09 web      | GET / 200 3 ms\n15:04:31 ship     | app.py changed. Reloaded in 0.31 s.",
)
@click.option(
    "-p",
    "--port",
    type=click.IntRange(1, _LAST_PORT),
    default=5000,
    show_default=True,
    metavar="PORT",
    help="Where web answers.",
)
@click.option(
    "-m",
    "--formation",
    "--concurrency",
    metavar="web=1,worker=2",
    default="",
    help="How many of each type; of web, workers of gunicorn.",
)
@click.option(
    "-e", "--env", "env_files", metavar="FILE", help="Files of config vars, as a,b; else .env."
)
@click.option(
    "-f",
    "--procfile",
    metavar="FILE",
    default="Procfile",
    show_default=True,
    help="Another Procfile.",
)
@click.option("--no-reload", is_flag=True, help="Do not watch the files.")
@click.argument("types", nargs=-1, metavar="[TYPE...]")
def local(  # noqa: PLR0913 - an option each
    call: Call,
    port: int,
    formation: str,
    env_files: str | None,
    procfile: str,
    types: tuple[str, ...],
    *,
    no_reload: bool,
) -> int:
    """Run the app of this checkout on this machine, as a server would; again whenever its files
    change.

    Named types alone are run, else all but release. Needs no server, no root and no nginx.
    """
    from receiver.local.session import Run, Session

    with _opened(call, env_files, procfile) as (laptop, paths, wish):
        run = Run(
            wish=wish,
            types=tuple(name for word in types for name in word.split(",") if name),
            counts=_counts(formation),
            port=port,
            reload=not no_reload,
            own=_own(call),
        )
        session = Session(laptop, paths, run, _Screen(call.environment.variables))
        try:
            session.go()
        except KeyboardInterrupt:
            pass
        finally:
            ended = _ends(session.end)
    return 0 if ended else _STOPPED_AT_ONCE


@command(
    "local:run",
    context_settings=_WORDS,
    example="$ ship local:run python manage.py migrate",
)
@click.option(
    "-e", "--env", "env_files", metavar="FILE", help="Files of config vars, as a,b; else .env."
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="COMMAND...")
def run(call: Call, command: tuple[str, ...], env_files: str | None) -> int:
    """Run a command in this checkout, with the virtualenv and the config vars that `ship local`
    has.
    """
    if not command:
        raise UsageError(
            "No command is given.",
            advice="For example: `ship local:run python manage.py migrate`.",
            reason="usage/no-command",
        )
    from receiver.local import build as local_build
    from receiver.local import working_tree
    from receiver.model.output import Output
    from receiver.runs import profile_files

    with _opened(call, env_files, "Procfile") as (laptop, paths, wish):
        telling = local_build.Telling(show.transcript, "-")
        tree = working_tree.read(wish.top, in_git=wish.in_git)
        ready = local_build.prepare(laptop, paths, wish, tree, 1, Output(telling.take))
        env = local_build.variables(paths, ready, _own(call))
        top = paths.running.source.resolve()
        env |= profile_files.variables(top)
    try:
        forward.become(profile_files.entered(top, command), env, top)
    except FileNotFoundError:
        show.progress(f"ship: there is no program {command[0]} here.")
        return _NO_PROGRAM
    except OSError:
        show.progress(f"ship: the file {command[0]} may not be run.")
        return _NOT_A_PROGRAM


@contextmanager
def _opened(
    call: Call, env_files: str | None, procfile: str
) -> "Iterator[tuple[Laptop, CheckoutPaths, Wish]]":
    from receiver.local import laptop, working_tree
    from receiver.local.build import Wish

    top, in_git = working_tree.top_of(Path.cwd())
    named = tuple(Path.cwd() / name for name in (env_files or "").split(",") if name)
    wish = Wish(
        top=top,
        in_git=in_git,
        env_files=named or (top / ".env",),
        env_named=bool(named),
        procfile=procfile,
    )
    remotes = {remote.app for remote in call.checkout.ship_remotes()} if in_git else set()
    name = remotes.pop() if len(remotes) == 1 else laptop.app_name(top.name)
    variables = call.environment.variables
    home = call.environment.home
    cache = Path(variables.get("XDG_CACHE_HOME") or home / ".cache") / "ship"
    with laptop.opened(top, name, home, cache) as (here, paths):
        yield here, paths, wish


def _own(call: Call) -> Mapping[str, str]:
    found = call.environment.variables
    own = {name: found[name] for name in _HANDED_ON if name in found}
    return {"LANG": "C.UTF-8", **own, "SHIP_LOCAL": "1"}


def _counts(text: str) -> dict[str, int]:
    counts = {}
    for part in filter(None, text.replace(" ", ",").split(",")):
        match = _COUNT.fullmatch(part)
        if match is None:
            raise UsageError(
                f"{part!r} does not say how many of which type.",
                advice="Write it as in `ship local -m web=2,worker=1`.",
                reason="usage/bad-argument",
            )
        counts[match[1]] = int(match[2])
    return counts


def _ends(end: Callable[[], object]) -> bool:
    """Whether everything ended in its time; a second interrupt ends it at once."""
    try:
        end()
    except KeyboardInterrupt:
        return False
    return True


class _Screen:
    """The terminal: each line with its time and process, in colours where they are wanted."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._coloured = sys.stdout.isatty() and not variables.get("NO_COLOR")
        self._colours: dict[str, str] = {}

    def line(self, process: str, text: bytes) -> None:
        """A line that a process wrote, or ship itself."""
        now = datetime.now().astimezone().strftime("%H:%M:%S")
        head = f"{now} {process:<8} |"
        if self._coloured:
            head = f"\033[{self._colour(process)}m{head}\033[0m"
        line = head.encode() + b" " + harmless_bytes(text) + b"\n"
        (show.transcript if process == "ship" else show.write)(line)

    def transcript(self, chunk: bytes) -> None:
        show.transcript(chunk)

    def _colour(self, process: str) -> str:
        if process == "ship":
            return "1"
        return self._colours.setdefault(process, _COLOURS[len(self._colours) % len(_COLOURS)])
