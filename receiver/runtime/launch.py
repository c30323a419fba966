"""Start one process of an app: `launch.py SLOT PROCESS --run RUNDIR [options]`.

SLOT is a link to a release's folder, or that folder; PROCESS is a process type of it, such as
`web`. The process replaces this one, so its id is the one that the process manager knows.

--run DIR        where it says that it serves, or why not; ready files of an earlier run are removed
--port N         PORT of the app's environment
--bind ADDRESS   where gunicorn listens, such as unix:/run/ship/apps/blog/canary/socket
--fd N           the listening socket that was handed on as file descriptor N
--workers N      number of workers, whatever else was asked for
--instance N     this is process N of its type, and no web process; after quick ends its starts are
put off
--app-dir DIR    folder of the app, for scale.json; without it, two levels above SLOT
Without --bind and --fd, gunicorn takes the sockets of systemd (LISTEN_FDS), or 127.0.0.1:PORT.

Runs as the app's account with `python3 -I -S`, Python 3.9 or newer. Exit statuses of its own:
64 wrong usage, 66 the release's files cannot be read, 69 the virtualenv or the program is missing,
78 the release has no such process. Otherwise the status is the process's.
"""

import json
import os
import re
import sys
import time

USAGE, NO_INPUT, UNAVAILABLE, NO_PROCESS = 64, 66, 69, 78
_OPTIONS = ("--run", "--port", "--bind", "--fd", "--workers", "--instance", "--app-dir")
_HANDED_ON = (
    "HOME",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LANG",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LOGNAME",
    "NOTIFY_SOCKET",
    "SHIP_APP",
    "SHIP_BOOT_LIMIT_S",
    "SHIP_LOCAL",
    "TMPDIR",
    "TZ",
    "USER",
)
_EXEC_TIME = ("LD_", "MALLOC_", "PYTHON")  # read by a program at its start: too late at a HUP
_FIRST_LISTEN_FD = 3
QUICK_END_S = 60
LONGEST_WAIT_S = 300
FAILED_STARTS = 2
LONGEST_WORDS = 500
_SHELL_ONLY = re.compile(r"[;&|<>()`*?\[\]~#{}!\n\\'\"]|\$(?!\w)")
_VARIABLE = re.compile(r"\$(\w+)")
_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_PROFILED = (
    'for file in .profile.d/*.sh; do [ -r "$file" ] && . "$file"; done; exec /bin/bash -c "$1"'
)
_BUILTINS = {"cd", "exit", "export", "if", "set", "source", "test", "trap", "ulimit", "umask", "."}


class LaunchError(Exception):
    """The process cannot be started; ends with `status` and a line on stderr."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def main(argv):
    os.umask(0o022)
    options = parse(argv)
    try:
        start(options)
    except LaunchError as error:
        leave_word(options["--run"], str(error))
        sys.stderr.write(f"ship: {error}\n")
        sys.exit(error.status)


def parse(argv):
    rest = list(argv)
    options = dict.fromkeys(_OPTIONS)
    positional = []
    while rest:
        word = rest.pop(0)
        if word in _OPTIONS and rest:
            options[word] = rest.pop(0)
        else:
            positional.append(word)
    if len(positional) != 2 or options["--run"] is None or positional[0].startswith("-"):  # noqa: PLR2004
        sys.stderr.write(__doc__)
        sys.exit(USAGE)
    options["slot"], options["process"] = os.path.abspath(positional[0]), positional[1]
    options["--run"] = os.path.abspath(options["--run"])
    above = os.path.dirname(os.path.dirname(options["slot"]))
    options["--app-dir"] = os.path.abspath(options["--app-dir"] or above)
    return options


def start(options):
    if options["process"] == "web" and not options["--bind"]:
        note_web_start(options)
    clear_ready(options["--run"])
    if options["--instance"]:
        put_off(options["--run"])
    home = os.path.realpath(options["slot"])
    record = read(os.path.join(home, "release.json"))
    env = read(os.path.join(home, "env.json"))
    env.pop("PYTHONHOME", None)  # a virtualenv has its own; with another one it finds no library
    process = record["processes"].get(options["process"])
    if process is None:
        raise LaunchError(
            NO_PROCESS, f"Release v{record['version']} has no process {options['process']}."
        )
    if options["--instance"]:
        tell_release(options["--run"], record["version"])
    if options["process"] == "web" or options["--instance"]:
        # whoever reads the log later has to know where this start begins
        sys.stderr.write(f"ship: Starting v{record['version']}.\n")
        sys.stderr.flush()
    environment = clean_environment(options, record, env)
    if process["kind"] == "gunicorn":
        start_gunicorn(options, record, process, environment)
    else:
        environment.update(env)
        environment.update(process_environment(options))
        source = os.path.join(home, "source")
        given = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([given, source] if given else [source])
        environment["SHIP_TREE"] = source
        fixed_port = record.get("fixed_port") and options["process"] == "web"
        start_command(process["command"], source, environment, fixed_port=fixed_port)


def read(path):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as handle:
            return json.load(handle)
    except (OSError, ValueError) as error:
        raise LaunchError(NO_INPUT, f"The file {path} cannot be read: {error}.") from error


def clean_environment(options, record, env):
    """Nothing of the starter's but what is named here.

    Config vars come later, so that they can change.
    """
    environment = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    folders = "/usr/local/bin:/usr/bin:/bin"
    if record.get("venv"):
        folders = record["venv"] + "/bin:" + folders
        environment["VIRTUAL_ENV"] = record["venv"]
    environment.setdefault("HOME", options["--app-dir"])
    environment.setdefault("LANG", "C.UTF-8")
    number = options["--instance"] or ("1" if options["process"] == "web" else record["version"])
    environment["DYNO"] = f"{options['process']}.{number}"  # as Heroku and Dokku have it
    environment["SHIP_STORAGE"] = options["--app-dir"] + "/storage"
    environment["SHIP_HOST"] = record.get("address", "")
    environment["SHIP_HOSTS"] = ",".join(record.get("hosts") or [record.get("address", "")])
    environment.setdefault("SHIP_APP", os.path.basename(options["--app-dir"]))
    environment.update(PATH=folders, PYTHONUNBUFFERED="1", **process_environment(options))
    environment.update((name, value) for name, value in env.items() if name.startswith(_EXEC_TIME))
    return environment


def process_environment(options):
    values = {"SHIP_PROCESS": options["process"]}
    if options["--instance"]:
        values["SHIP_INSTANCE"] = options["--instance"]
    if options["--port"]:
        values["PORT"] = options["--port"]
    return values


def start_gunicorn(options, record, process, environment):
    programs = record.get("venv") or "/nonexistent"
    python, gunicorn = programs + "/bin/python", programs + "/bin/gunicorn"
    for program in (python, gunicorn):
        if not os.path.exists(program):
            raise LaunchError(UNAVAILABLE, f"The program {program} is missing.")
    # the workers' own matter; its folders may be of the release
    environment.pop("PYTHONPATH", None)
    environment.update(
        SHIP_SLOT=options["slot"],
        SHIP_TREE=os.path.join(options["slot"], "source"),  # each worker puts its release's own
        SHIP_RUN=options["--run"],
        SHIP_APP_DIR=options["--app-dir"],
        SHIP_BIND=options["--bind"] or "",
        SHIP_WORKERS=options["--workers"] or "",
    )
    if options["--fd"] is not None:
        hand_on_socket(int(options["--fd"]), environment)
    # A master lives through many releases: it must stand where none of them is ever removed.
    work = os.path.join(options["--app-dir"], "work")
    os.chdir(work if os.path.isdir(work) else options["--run"])
    conf = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gunicorn_conf.py")
    app = [process["app"]] if process.get("app") else []
    execute(python, [python, gunicorn, "-c", conf, *app], environment)


def hand_on_socket(fd, environment):
    """Turn a socket on any descriptor into what systemd would have handed on.

    supervisord hands its socket on as standard input, where every program that the app starts would
    find it.
    """
    if fd != _FIRST_LISTEN_FD:
        os.dup2(fd, _FIRST_LISTEN_FD)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, fd)
        os.close(nothing)
    os.set_inheritable(_FIRST_LISTEN_FD, True)
    environment.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))


def start_command(command, source, environment, *, fixed_port=False):
    """Run it without a shell where that comes to the same, so that signals reach the program
    itself. One of Python's whose code has a fixed port is given its own.
    """
    os.chdir(source)
    if os.path.isdir(".profile.d"):
        environment["HOME"] = source  # where such files look for what a buildpack put beside them
        execute("/bin/bash", ["/bin/bash", "-c", _PROFILED, "bash", command], environment)
    words = simple_words(command, environment)
    if words is None:
        execute("/bin/sh", ["/bin/sh", "-c", command], environment)
    while words and (_ASSIGNMENT.match(words[0]) or words[0] == "exec"):
        name, assigned, value = words.pop(0).partition("=")
        if assigned:
            environment[name] = value
    if not words:
        raise LaunchError(NO_PROCESS, f"The command {command!r} names no program.")
    execute(words[0], listening(words) if fixed_port else words, environment)


def listening(words):
    """The words of a call of Python, with listen.py in front of its script."""
    program, *rest = words
    options = [word for word in rest[:1] if word == "-u"]
    rest = rest[len(options) :]
    is_script = rest[:1] == ["-m"] or (rest and rest[0].endswith(".py"))
    if not is_script or not _PYTHON.fullmatch(os.path.basename(program)):
        return words
    listen = os.path.join(os.path.dirname(os.path.abspath(__file__)), "listen.py")
    return [program, *options, listen, *rest]


def simple_words(command, environment):
    """The words of a command in which a shell would have nothing to do but put in variables."""
    if _SHELL_ONLY.search(command):
        return None
    words = []
    for word in command.split():
        value = _VARIABLE.sub(lambda found: environment.get(found.group(1), ""), word)
        if value != word and (not value or _SHELL_ONLY.search(value) or len(value.split()) != 1):
            return None
        words.append(value)
    return None if words and words[0] in _BUILTINS else words


def execute(program, argv, environment):
    try:
        os.execvpe(program, argv, environment)
    except OSError as error:
        raise LaunchError(
            UNAVAILABLE, f"The program {program} cannot be run: {error.strerror}."
        ) from error


def clear_ready(run):
    ready = os.path.join(run, "ready")
    try:
        os.makedirs(ready, exist_ok=True)
        for name in os.listdir(ready):
            os.unlink(os.path.join(ready, name))
        for name in ("boot-error", "swapped"):
            if os.path.exists(os.path.join(run, name)):
                os.unlink(os.path.join(run, name))
    except OSError as error:
        raise LaunchError(NO_INPUT, f"The folder {run} cannot be used: {error}.") from error


def note_web_start(options):
    """Count failed starts in a row; after a few, nginx answers in the app's place.

    A worker that serves takes the file away by which nginx knows.
    """
    run, folder = options["--run"], options["--app-dir"]
    last = last_start(os.path.join(run, "starts.json"))
    quick = 0 <= time.time() - last.get("began", 0) < QUICK_END_S
    served = os.path.exists(os.path.join(run, "swapped"))
    ends = last["ends"] + 1 if last and (quick or not served) else 0
    try:
        os.makedirs(run, exist_ok=True)
        note_failures(run, folder, ends, served=served)
    except OSError:
        return  # visitors wait in line then


def note_failures(run, folder, ends, *, served=False):
    """Note how often in a row no worker came to serve; tell nginx of it, or that it is over."""
    path, now = os.path.join(run, "starts.json"), time.time()
    since = last_start(path).get("since", now) if ends > 1 else now
    noted = {"ends": ends, "since": since, "began": now, "why": last_words(run), "served": served}
    write_start(path, noted)
    if ends >= FAILED_STARTS and not other_slot_serves(run):
        os.close(os.open(down_mark(folder), os.O_WRONLY | os.O_CREAT, 0o600))
    elif not ends:
        lift_mark(folder)


def down_mark(folder):
    return os.path.join(folder, "down", "web")


def lift_mark(folder):
    """Have nginx pass visitors on to the app."""
    if os.path.lexists(down_mark(folder)):
        os.unlink(down_mark(folder))


def other_slot_serves(run):
    folder, own = os.path.split(run)
    others = [name for name in os.listdir(folder) if name.startswith("web.") and name != own]
    ready = [os.path.join(folder, name, "ready") for name in others]
    return any(os.path.isdir(path) and os.listdir(path) for path in ready)


def last_words(run):
    """The line that says most of why the start before failed: the last of its traceback."""
    try:
        with open(os.path.join(run, "boot-error"), encoding="utf-8", errors="replace") as handle:
            lines = handle.read().split("\n")
    except OSError:
        return ""
    return ([line.strip() for line in lines if line.strip()] or [""])[-1][:LONGEST_WORDS]


def write_start(path, noted):
    with open(path + ".new", "w", encoding="utf-8") as handle:
        json.dump(noted, handle)
    os.replace(path + ".new", path)
    return noted


def put_off(run):
    """Wait when the starts before went wrong."""
    wait_s = note_start(os.path.join(run, "starts.json"))
    if wait_s:
        sys.stderr.write(f"ship: It ended soon after its start, and starts again in {wait_s} s.\n")
        sys.stderr.flush()
        time.sleep(wait_s)


def tell_release(run, version):
    with open(os.path.join(run, "ready", str(os.getpid())), "w", encoding="ascii") as handle:
        handle.write(f"v{version}")


def note_start(path):
    """Seconds to wait: none, and after quick ends in a row 1, 2, 4 and so on.

    Forgotten when ship stops it.
    """
    now = time.time()
    last = last_start(path)
    quick = 0 <= now - last.get("began", 0) < QUICK_END_S
    ends = last["ends"] + 1 if quick else 0
    since = last["since"] if ends > 1 else now
    wait_s = min(2 ** (ends - 1), LONGEST_WAIT_S) if 0 < ends < 10 else LONGEST_WAIT_S * bool(ends)  # noqa: PLR2004
    write_start(path, {"ends": ends, "since": since, "began": now + wait_s})
    return wait_s


def last_start(path):
    try:
        with open(path, encoding="ascii") as handle:
            last = json.load(handle)
        return {"ends": int(last["ends"]), "since": last["since"], "began": last["began"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def leave_word(run, text):
    try:
        with open(
            os.path.join(run, "boot-error"), "w", encoding="utf-8", errors="replace"
        ) as handle:
            handle.write(text + "\n")
    except OSError:
        return  # stderr has it as well


if __name__ == "__main__":
    main(sys.argv[1:])
