"""How a process of an app is run: by gunicorn under ship's settings, or as a command of its own.

A Procfile line that is a plain call of gunicorn becomes a `Gunicorn`, which can be swapped in place
and listens where ship wants it. Every other line is kept as a `Command`.
"""

import posixpath
import shlex
from collections.abc import Mapping, Sequence

import msgspec

from receiver.model import launchers
from receiver.model.commandline import Word, split_words
from receiver.model.gunicorn_options import Line, read_options
from receiver.model.patterns import regex

_LAUNCHERS = frozenset({"poetry", "uv", "pipenv", "pdm", "hatch", "rye"})
_PYTHON = regex(r"python(3(\.\d+)?)?")
_GOING = regex(r"\s*cd\s+([^&;|]+?)\s*(?:&&|;)\s*")
_ARGUMENTS = "GUNICORN_CMD_ARGS"
_EXEC_TIME = ("LD_", "MALLOC_", "PYTHON", _ARGUMENTS)
"""Read once, when a program starts: by the loader, the C library, the interpreter and gunicorn."""


class Gunicorn(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="gunicorn", omit_defaults=True
):
    """A web process that ship runs with gunicorn, and can replace worker by worker."""

    app: str
    """Such as `app:app` or `main:create_app()`; empty when the app's own gunicorn file names it."""
    arguments: tuple[str, ...] = ()
    """Further options as `--name=value`. `$NAME` in them is put in when the release is loaded."""
    workers: int | None = None
    folder: str = ""
    """Where it is started, from the top of the app's tree: `backend` of `cd backend && gunicorn`.
    What else it names begins there."""
    chdir: str | None = None
    """Folder to stand in."""
    config: str | None = None
    """The app's own gunicorn file."""
    environment: dict[str, str] = {}
    pythonpath: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    """Sentences for the push log: what was left out of the command line, and why."""

    def takes_over(self, other: "Process") -> bool:
        """Whether a HUP can turn the running `other` into this; all else is read again at a HUP."""
        return isinstance(other, Gunicorn) and self.app == other.app


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="command"):
    """A process that is run as it stands, with PORT in its environment."""

    command: str

    def takes_over(self, other: "Process") -> bool:
        """Always false: a command is replaced by starting it anew."""
        del other
        return False


Process = Gunicorn | Command


def needs_fresh_start(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether config vars differ in a name that only a newly started program reads."""
    names = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return any(name.startswith(_EXEC_TIME) and name != "PYTHONPATH" for name in names)


def parse_processes(
    lines: Mapping[str, str], config: Mapping[str, str], *, classic: bool
) -> dict[str, Process]:
    """The processes of a release, by type, as they are run.

    Where buildpacks of others had a part in it, web runs as it stands: what they set up in a shell,
    gunicorn's master would not see.
    """
    arguments = config.get(_ARGUMENTS, "")
    return {
        name: parse_web_command(line, arguments)
        if name == "web" and not classic
        else plain_command(line)
        for name, line in lines.items()
    }


def plain_command(text: str) -> Command:
    """A line of the Procfile that is run as it stands."""
    return Command(command=launchers.without_launcher(text))


def parse_web_command(text: str, gunicorn_cmd_args: str = "") -> Process:
    """Read the `web:` line of a Procfile; `gunicorn_cmd_args` is the config var
    GUNICORN_CMD_ARGS.
    """
    folder, rest = _folder_first(text)
    words = split_words(rest)
    call = _gunicorn_call(words) if words else None
    line = _read_line(call[1], gunicorn_cmd_args) if call else None
    if call is None or line is None:
        return plain_command(text)
    return Gunicorn(
        app=line.app,
        arguments=tuple(line.arguments),
        workers=line.workers,
        folder=folder,
        chdir=line.chdir,
        config=line.config,
        environment=call[0] | line.environment,
        pythonpath=tuple(line.pythonpath),
        notices=tuple(line.notices),
    )


def _folder_first(text: str) -> tuple[str, str]:
    """The folder that a line goes to by `cd FOLDER &&`, and what it runs there."""
    going = _GOING.match(text)
    words = split_words(going[1]) if going else None
    if going is None or not words or len(words) > 1 or words[0].refers:
        return "", text
    folder = posixpath.normpath(words[0].text)
    if folder.startswith(("/", "~", "..", "-")):
        return "", text
    return folder, text[going.end() :]


def gunicorn_line(text: str, gunicorn_cmd_args: str = "") -> Gunicorn | None:
    """The same, where it is a call of gunicorn that ship can run."""
    found = parse_web_command(text, gunicorn_cmd_args)
    return found if isinstance(found, Gunicorn) else None


def _read_line(options: Sequence[Word], cmd_args: str) -> Line | None:
    """Gunicorn's own order: what GUNICORN_CMD_ARGS says counts unless the command line says
    otherwise.
    """
    try:
        defaults = [Word(part, quoted=True) for part in shlex.split(cmd_args)]
    except ValueError:
        return None
    if any(word.refers for word in defaults):
        return None  # gunicorn takes a dollar sign there as it stands
    below, line = read_options(defaults), read_options(options)
    return line.above(below) if line and below else None


def _gunicorn_call(words: Sequence[Word]) -> tuple[dict[str, str], Sequence[Word]] | None:
    """Assignments before, and words behind, the name `gunicorn`; None when something else is
    called.
    """
    environment: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.text in {"exec", "env"}:
            continue
        if word.assignment:
            name, value = word.assignment
            environment[name] = value
            continue
        options = _after_program(word.text, rest)
        return None if options is None else (environment, options)
    return None


def _after_program(program: str, rest: Sequence[Word]) -> Sequence[Word] | None:
    name = program.rpartition("/")[2]
    texts = [word.text for word in rest]
    if name == "gunicorn":
        return rest
    if name in _LAUNCHERS and texts[:1] == ["run"]:
        flags = next((i for i, t in enumerate(texts[1:]) if t not in launchers.FLAGS), len(texts))
        following = rest[1 + flags :]
        return _after_program(following[0].text, following[1:]) if following else None
    if _PYTHON.fullmatch(name):
        start = 1 if texts[:1] == ["-u"] else 0
        if texts[start : start + 2] in (["-m", "gunicorn"], ["-m", "gunicorn.app.wsgiapp"]):
            return rest[start + 2 :]
    return None
