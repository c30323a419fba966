"""Which processes a Python app has: its Procfile's, or what is found in its code; and what has to
be installed for the one that serves it.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from buildpacks.procfile import procfile_lines
from buildpacks.python.discovery import MODULE_NAMES, Search, find_entry
from buildpacks.python.entry import Entry
from buildpacks.python.gunicorn_file import file_notices, gunicorn_file, worker_class
from buildpacks.python.install import Packages
from buildpacks.python.marks import reads_port
from buildpacks.python.packages import Source, requirements_not_found
from buildpacks.python.server import Server, is_for_development, serve_command, serve_entry
from buildpacks.python.sessions import OneProcess, one_process
from receiver.model.build import BuildFacts, Interpreter, Tree
from receiver.model.errors import BuildError
from receiver.model.patterns import regex
from receiver.model.web_servers import on_given_port, refers_to_port, server_of
from receiver.model.webserver import Gunicorn, gunicorn_line

if TYPE_CHECKING:
    from buildpacks.python.starts import Start

_MISSPELT_PROCFILE = frozenset(
    {"procfile", "procfile.txt", "procfiles", "profile", "procfile.yml", "procfile.yaml", "proc"}
)
_OWN_PYTHON = ".".join(map(str, sys.version_info[:2]))
"""Source is read with ship's own Python; a newer syntax than its own is not understood."""
_CMD_ARGS, _CONCURRENCY = "GUNICORN_CMD_ARGS", "WEB_CONCURRENCY"
_CALL = regex(r"(?<![\w./-])(?:\S*/)?gunicorn(?=\s|$)")
_GIVEN_PORT = "Nothing in the code reads $PORT. A port that it names is replaced by $PORT."
_RUN_BY_PYTHON = regex(
    r"(?:(?:exec|[A-Za-z_]\w*=\S*)\s+)*(?:\S*/)?python(?:3(?:\.\d+)?)?\s+(?:-u\s+)?"
    r"(?:-m\s+\S|\S+\.py(?!\S))[^;&|<>()`*?\[\]~#{}!\\'\"]*"
)
"""Lines whose port runtime/launch.py can replace; any other program is only watched."""
_SCALE = "To run more: `ship ps:scale web=2`."


class Processes(msgspec.Struct, frozen=True):
    """What runs, and what was decided for it."""

    lines: dict[str, str]
    added: tuple[str, ...]
    """Packages to install besides the app's own."""
    notices: tuple[str, ...] = ()
    fixed_port: bool = False
    """Whether neither the web line nor the code asks for the port that it is given."""


class _App(msgspec.Struct, frozen=True):
    """What is known of the app."""

    tree: Tree
    packages: Packages
    python: Interpreter
    config: Mapping[str, str]
    source: Source

    @property
    def specifiers(self) -> Mapping[str, str]:
        return self.packages.specifiers

    def gunicorn(self, line: str) -> Gunicorn | None:
        """A web line, where it is a call of gunicorn's that Ship can run."""
        return gunicorn_line(line, self.config.get(_CMD_ARGS, ""))


def find_processes(
    tree: Tree, packages: Packages, python: Interpreter, facts: BuildFacts, source: Source
) -> Processes:
    """The processes, and what is told of them.

    Raises:
        BuildError: nothing says what to run, or what it says cannot work
    """
    app = _App(tree, packages, python, facts.config, source)
    if tree.has("Procfile"):
        return _from_procfile(app)
    _refuse_misspelt_procfile(tree)
    search = find_entry(tree)
    if search.entry is not None:
        return _from_entry(app, search, search.entry)
    start = _start(tree)
    if start is None:
        raise _no_entry(tree, search)
    return _from_start(app, start)


def starts_itself(tree: Tree) -> bool:
    """Whether a script starts a server, or a bot."""
    return _start(tree) is not None


def _start(tree: Tree) -> "Start | None":
    from buildpacks.python.starts import find_start  # noqa: PLC0415 - most apps have an entry or a Procfile

    return find_start(tree)


def _from_entry(app: _App, search: Search, entry: Entry) -> Processes:
    # An interface written by hand needs no framework, so it may well have no packages.
    if app.packages.manager == "none" and "def " not in entry.because:
        raise requirements_not_found(f"{entry.because}, which comes from a package.", app.source)
    alone = _alone(app)
    server = serve_entry(entry, app.specifiers, app.python, alone)
    notices = [f"No Procfile: web runs `{server.command}`, because {entry.because}."]
    notices += [f"{other.because} as well; {entry.path} comes first." for other in search.others]
    notices += [_told_alone(alone, server.command)] if alone else []
    return Processes(
        {"web": server.command}, server.added, (*notices, *_of_gunicorn(app, server.command))
    )


def _from_start(app: _App, start: "Start") -> Processes:
    if app.packages.manager == "none" and "the standard library" not in start.because:
        raise requirements_not_found(f"{start.because}, which comes from a package.", app.source)
    runs = f"No Procfile: {start.process} runs `{start.command}`, because {start.because}."
    notices = [runs, *([f"It is one process: {start.sessions}."] if start.sessions else ())]
    if start.process != "web":
        notices.append("Nothing is served: there is no web process.")
    server = serve_command(start.command, app.specifiers, app.python)
    fixed = start.process == "web" and _fixed_port(app, start.command)
    notices += _given_port(start.command) if fixed else []
    return Processes({start.process: start.command}, _added(app, server), tuple(notices), fixed)


def _from_procfile(app: _App) -> Processes:
    processes, told = procfile_lines(app.tree)
    web = processes.get("web")
    if web is None:
        return Processes(processes, (), (*told, _no_web(app)))
    line, notices = _web_line(app, web)
    server = serve_command(line, app.specifiers, app.python, _worker_class(app, line))
    fixed = _fixed_port(app, line)
    notices = [*told, *notices, *_of_gunicorn(app, line), *(_given_port(line) if fixed else ())]
    return Processes({**processes, "web": line}, _added(app, server), tuple(notices), fixed)


def _web_line(app: _App, web: str) -> tuple[str, list[str]]:
    """The web line of a Procfile as it is run, and what is told of it."""
    develops = is_for_development(web) or _runs_its_app(app.tree, web)
    notices = [_for_development(app, web)] if develops else []
    line, told = on_given_port(web)
    notices += [told] if told else []
    alone = _alone(app)
    if alone is None or not _CALL.search(line):
        return line, notices
    parsed = app.gunicorn(line)
    if parsed is None or _chooses_workers(app, parsed):
        return line, notices
    threads = "" if _kind(parsed) else f" --threads {alone.threads}"
    line = _CALL.sub(rf"\g<0> -w 1{threads}", line, count=1)
    return line, [*notices, _told_alone(alone, line)]


def _added(app: _App, server: Server) -> tuple[str, ...]:
    """What no extra brings that is called like it, such as `channels[daphne]`."""
    texts = app.packages.texts.values()
    return tuple(one for one in server.added if not any(f"[{one}]" in text for text in texts))


def _chooses_workers(app: _App, web: Gunicorn) -> bool:
    told = [word for word in web.arguments if word.startswith(("--workers", "--threads"))]
    in_file = app.tree.has(gunicorn_file(web.config))
    return bool(told) or web.workers is not None or in_file or bool(app.config.get(_CONCURRENCY))


def _kind(web: Gunicorn) -> str:
    kinds = [word.partition("=")[2] for word in web.arguments if word.startswith("--worker-class")]
    return kinds[-1] if kinds else ""


def _alone(app: _App) -> OneProcess | None:
    """Why web is to be one process, where nobody has said how many there are to be."""
    return None if app.config.get(_CONCURRENCY) else one_process(app.tree)


def _told_alone(alone: OneProcess, line: str) -> str:
    threads = " with threads" if "--threads" in line else ""
    return f"One worker{threads}: {alone.because}. {_SCALE}"


def _worker_class(app: _App, line: str) -> str:
    """The kind of worker that a line asks gunicorn for, or the file that gunicorn reads."""
    parsed = app.gunicorn(line)
    if parsed is None:
        return ""
    return _kind(parsed) or worker_class(app.tree, gunicorn_file(parsed.config))


def _of_gunicorn(app: _App, line: str) -> Iterator[str]:
    """What of the app's gunicorn file counts for nothing."""
    parsed = app.gunicorn(line)
    if parsed is not None:
        yield from file_notices(app.tree, gunicorn_file(parsed.config))


def _fixed_port(app: _App, line: str) -> bool:
    """Whether a line that is no call of gunicorn's gets no port from what it says or runs."""
    if refers_to_port(line) or app.gunicorn(line) is not None:
        return False
    server = server_of(line)
    return server is None and not reads_port(app.tree)


def _given_port(line: str) -> list[str]:
    return [_GIVEN_PORT] if _RUN_BY_PYTHON.fullmatch(line) else []


def _runs_its_app(tree: Tree, web: str) -> bool:
    """Whether a line runs a script of a WSGI app's, which starts its framework's own server."""
    entry, path = find_entry(tree).entry, web.rsplit(maxsplit=1)[-1]
    if entry is None or entry.path != path or entry.interface != "wsgi":
        return False
    return entry.constructor != "" and b".run(" in tree.read(path)


def _for_development(app: _App, web: str) -> str:
    line = _found_line(app)
    hint = f" This one serves the same with gunicorn: `{line}`." if line else ""
    return f"`{web}` starts a server that is meant for development: it is slow, and reloads.{hint}"


def _no_web(app: _App) -> str:
    line = _found_line(app)
    hint = f" To serve this app, add the line `{line}` to the Procfile." if line else ""
    return f"The Procfile has no web process: nothing will be served.{hint}"


def _found_line(app: _App) -> str:
    """The web line that would be found without a Procfile; empty where none is."""
    entry = find_entry(app.tree).entry
    if entry is not None:
        return f"web: {serve_entry(entry, app.specifiers, app.python, _alone(app)).command}"
    start = _start(app.tree)
    return f"web: {start.command}" if start and start.process == "web" else ""


def _refuse_misspelt_procfile(tree: Tree) -> None:
    for name in tree.names():
        if name.lower() in _MISSPELT_PROCFILE:
            raise BuildError(
                f"The file {name} is not read: its name has to be Procfile.",
                detail="There is no file of exactly this name in the top folder.",
                advice=f"Rename it: `git mv {name} Procfile`.",
                reason="build/procfile-misspelt",
            )


def _syntax_error(broken: str) -> BuildError:
    """Of a file that was looked into, such as `app.py (line 3: invalid syntax)`."""
    path, _, why = broken.removesuffix(")").partition(" (")
    return BuildError(
        f"Syntax error in {path}, {why}.",
        detail="There is no Procfile, and in this file the web application was looked for.",
        advice="Correct the line and push again. If it is meant for a newer Python than "
        f"{_OWN_PYTHON}, say what to run in a file named Procfile: `web: gunicorn MODULE:NAME`.",
        reason="build/syntax-error",
    )


def _no_entry(tree: Tree, search: Search) -> BuildError:
    from buildpacks.python.starts import likely_script  # noqa: PLC0415 - only a failure needs it

    broken = next((one for one in search.unreadable if "(line " in one), None)
    if broken is not None:
        return _syntax_error(broken)
    files = [path for path in tree.files() if path.endswith(".py")]
    seen = f"{len(files)} Python file{'s' * (len(files) > 1)}" if files else "no Python file at all"
    unreadable = "".join(
        f"\nNot understood, as Python {_OWN_PYTHON}: {one}." for one in search.unreadable
    )
    names = ", ".join(f"{name}.py" for name in MODULE_NAMES)
    script = likely_script(tree) or next((path for path in files if "/" not in path), "FILE.py")
    return BuildError(
        "There is no Procfile, and no web application was found in the code.",
        detail=f"The push holds {seen}. Looked at: manage.py of Django; {names}, packages of these"
        " names and other files, in the top folder, in its packages and in src/; for `app`,"
        f" `application`, `api`, `create_app()`, `make_app()`.{unreadable}",
        advice="Write a file named Procfile with one of these lines.\n"
        "A web app that gunicorn serves:\n  web: gunicorn MODULE:NAME\n"
        f"A program that listens on the port in $PORT itself:\n  web: python {script}\n"
        f"A bot or a job, without web pages:\n  worker: python {script}\n"
        "Then commit it, and push again.",
        reason="build/no-entry",
    )
