"""Why an app could not start where it is: variables, databases, files, ports, memory.

Reads the end of a log; pure.
"""

import re

from receiver.diagnosis.causes_imports import last
from receiver.diagnosis.env_settings import Names
from receiver.diagnosis.pushed import Pushed
from receiver.model.errors import CheckError
from receiver.model.patterns import regex
from receiver.model.web_servers import port_advice

_KEY = regex(r"^KeyError: '([A-Z][A-Z0-9_]+)'$", re.MULTILINE)
_OF_ENVIRONMENT = regex(r'environ|(?:<frozen os>|/os\.py)", line \d+, in __getitem__')
_UNSET = (
    regex(r"UndefinedValueError: (\w+) not found"),
    regex(r"ImproperlyConfigured: Set the (\w+) environment variable"),
    regex(r'Environment variable "(\w+)" not set'),
    regex(r"ImproperlyConfigured: The (SECRET_KEY) setting must not be empty"),
    regex(
        r"^\w[\w.]*(?:Error|Exception|Configured): .*?[\"'`]?\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)\b[\"'`]?"
        r"(?: environment variable| env(?:ironment)? var| variable| config var)?"
        r" (?:is |was |must be |has to be )?(?:not "
        r"(?:set|defined|configured)|missing|required|set\b)",
        re.MULTILINE | re.IGNORECASE,
    ),
)
_SETTINGS = regex(r"ValidationError: \d+ validation errors? for (\w+)\n((?:.*\n?)*)")
_OF_SETTINGS = regex(r"Settings|Config")
_PSYCOPG_FIRST = [2, 1]
"""The version of SQLAlchemy that takes psycopg for `postgresql://`, and no more psycopg2."""
_REFUSED_HOST = regex(r"DisallowedHost: Invalid HTTP_HOST header: '([^':]+)")
_NO_SETTINGS = regex(r"ImproperlyConfigured: Requested settings?[^\n]* not configured")
_OLD_POSTGRES = regex(
    r"NoSuchModuleError: Can't load plugin: sqlalchemy\.dialects:postgres$", re.MULTILINE
)
_FIELD = regex(r"^(\w+)\n\s+[Ff]ield required", re.MULTILINE)

_REFUSED = (
    regex(
        r'(?:server at|on host) "([^"]+)"(?: \([^)]*\))?(?:,| and accepting TCP/IP connections '
        r"on) port (\d+)"
    ),
    regex(r"Connect call failed \('([^']+)', (\d+)"),
    regex(r"Error \S+ connecting to ([^\s:]+):(\d+)"),
    regex(r"Can't connect to (?:MySQL )?server on '([^':]+)(?::(\d+))?'"),
    regex(r"ServerSelectionTimeoutError: ([^\s:,]+):(\d+)"),
    regex(r"host='([^']+)', port=(\d+)\): Max retries exceeded"),
)
_UNKNOWN_HOST = (
    regex(r'could not translate host name "([^"]+)"'),
    regex(r"Unknown (?:MySQL )?server host '([^']+)'"),
    regex(r"failed to resolve host '([^']+)'"),
    regex(r"Error -[23] connecting to ([^\s:]+):"),
)
_SERVICES = {
    "5432": "PostgreSQL", "3306": "MySQL", "6379": "Redis", "27017": "MongoDB",
    "5672": "RabbitMQ", "9200": "Elasticsearch", "11211": "memcached",
}  # fmt: skip
_LOGIN = regex(
    r'password authentication failed for user "[^"]+"|Access denied for user \S+|database '
    r'"[^"]+" does not exist'
    r"|Unknown database '[^']+'|role \"[^\"]+\" does not exist"
)
_TABLE = regex(
    r"no such table: ([\w.]+)|relation \"([\w.]+)\" does not exist|Table '([\w.]+)' doesn't exist"
)
_DENIED = regex(
    r"^(?:PermissionError|OSError): \[Errno (13|30)\] [^:\n]+: "
    r"'([^']+)'",
    re.MULTILINE,
)
_NO_FILE = regex(r"^FileNotFoundError: \[Errno 2\] [^:\n]+: '([^']+)'", re.MULTILINE)
_DATABASE_FILE = regex(r"unable to open database file|attempt to write a readonly database")
_LOCKED = regex(
    r'Could not set lock on file "([^"]+)"'
    r"|lock(?: file)?:? (\S+): (?:Resource temporarily unavailable|already held by process)"
    r"|^(?:\w+\.)*(?:OperationalError: [^\n]*database is locked|BlockingIOError: \[Errno 11\])",
    re.MULTILINE,
)
"""Of DuckDB and Kuzu, of LevelDB and RocksDB, of SQLite, and of a lock of one's own."""
_IN_USE = regex(
    r"\('([^']+)', (\d+)\)[^\n]*address already in use|Port (\d+) is in use|Address already in use",
    re.IGNORECASE,
)
_LOW_PORT = regex(r"bind on address \('[^']+', (\d+)[^\n]*permission denied", re.IGNORECASE)
_OUT_OF_MEMORY = regex(
    r"killed by the OOM killer|Result: oom-kill|result "
    r"'oom-kill'|^MemoryError\b",
    re.MULTILINE,
)
_SIGNAL = regex(
    r"was sent SIG(KILL|SEGV|ILL|BUS|ABRT|FPE)\b|code=(?:killed|dumped), "
    r"status=\d+/(KILL|SEGV|ILL|BUS|ABRT|FPE)"
)
_SIGNALS = {
    "SEGV": "a memory fault in a compiled package",
    "ILL": "an instruction that this processor does not have, in a compiled package",
    "BUS": "a fault of memory or disk, in a compiled package",
    "ABRT": "a compiled package that gave up",
    "FPE": "a division by zero in a compiled package",
}
_NUMBERS = {9: "KILL", 11: "SEGV", 4: "ILL", 7: "BUS", 6: "ABRT", 8: "FPE"}
_SHELLS_SIGNALS = 128


def killed(
    log: str, status: int | None, pushed: Pushed, *, by_ship: bool = False
) -> CheckError | None:
    """The kernel ended it: for want of memory, or for what its code did.

    Args:
        log: the end of its log
        status: its exit status, if that is known
        pushed: the tree, and the limit that its app has
        by_ship: whether ship itself may have killed it, because its time was over
    """
    if _OUT_OF_MEMORY.search(log):
        limit = pushed.memory_limit
        seen = f"its limit of memory, {limit}," if limit else "the machine's memory"
        return _no_memory(f"The kernel ended it, because {seen} was used up.", pushed)
    match = last(_SIGNAL, log)
    name = (match[1] or match[2]) if match else _NUMBERS.get(_signal(status), "")
    if not name or (name == "KILL" and by_ship):
        return None
    if name == "KILL":
        return _no_memory("The kernel does this when memory runs out.", pushed)
    return CheckError(
        f"The web process crashed while it started, with SIG{name}.",
        detail=f"This is {_SIGNALS[name]}, not an error of Python's.",
        advice="Try another version of the compiled packages that the app imports, and push again.",
        reason="check/crashed",
    )


def _signal(status: int | None) -> int:
    if status is None:
        return 0
    return -status if status < 0 else max(status - _SHELLS_SIGNALS, 0)


def _no_memory(detail: str, pushed: Pushed) -> CheckError:
    more = (
        f"its limit is {pushed.memory_limit}, and `ship limits:set web.memory=...` changes it."
        if pushed.memory_limit
        else "`ship capacity` shows what the machine has."
    )
    return CheckError(
        "The web process was killed while it started.",
        detail=detail,
        advice=f"Make the app use less memory, or give it more: {more}",
        reason="check/killed",
    )


def missing_variable(log: str, pushed: Pushed) -> CheckError | None:
    """A config var that the app reads is not set."""
    names = _unset_variables(log, pushed)
    if not names:
        return None
    listed = " and ".join(names)
    return CheckError(
        f"The app needs {listed}, which {'is' if len(names) == 1 else 'are'} not set.",
        advice=f"Set it with `ship config:set {' '.join(f'{name}=...' for name in names)}`, then "
        "push again.",
        reason="check/missing-variable",
    )


def _unset_variables(log: str, pushed: Pushed) -> list[str]:
    key = last(_KEY, log)
    if key is not None and _OF_ENVIRONMENT.search(log, 0, key.start()):
        return [key[1]]
    if fields := _unset_fields(log, pushed):
        return fields
    return next(([found[1]] for each in _UNSET if (found := last(each, log))), [])


def _unset_fields(log: str, pushed: Pushed) -> list[str]:
    """Variables of pydantic's settings, by the prefix that their class has."""
    model = last(_SETTINGS, log)
    if model is None:
        return []
    known = pushed.settings.get(model[1])
    if known is None and not _OF_SETTINGS.search(model[1]):
        return []  # a model of the app's own data
    names = known or Names()
    return [names.variable(told) for told in _FIELD.findall(model[2])]


def settings_module(log: str, pushed: Pushed) -> CheckError | None:
    """Django does not know which settings are meant."""
    if last(_NO_SETTINGS, log) is None:
        return None
    found = [
        path for path in pushed.files if path.endswith("/settings.py") or path == "settings.py"
    ]
    name = (
        min(found, key=len).removesuffix(".py").replace("/", ".") if found else "PACKAGE.settings"
    )
    return CheckError(
        "Django does not know its settings: DJANGO_SETTINGS_MODULE is not set.",
        advice=f"Set it with `ship config:set DJANGO_SETTINGS_MODULE={name}`, then push again.",
        reason="check/missing-variable",
    )


def refused_host(log: str, pushed: Pushed) -> CheckError | None:
    """Django was asked by a host name that it does not know, and said so in its log alone."""
    match = last(_REFUSED_HOST, log)
    if match is None:
        return None
    return CheckError(
        f"Django refused the host name {match[1]}.",
        detail="It is not in ALLOWED_HOSTS.",
        advice=allow_host(match[1], pushed),
        reason="check/disallowed-host",
    )


def allow_host(host: str, pushed: Pushed) -> str:
    """What to do for a host name that Django does not know."""
    if pushed.hosts_variable:
        return (
            "The settings read it from a config var: `ship config:set "
            f"{pushed.hosts_variable}={host}`, then push again."
        )
    return f'Add "{host}" to ALLOWED_HOSTS in settings.py, and push again.'


def old_postgres(log: str, pushed: Pushed) -> CheckError | None:
    """SQLAlchemy is given the name of a database as Heroku once wrote it."""
    if last(_OLD_POSTGRES, log) is None:
        return None
    new = f"postgresql{_driver(pushed)}://"
    name = pushed.postgres[0] if pushed.postgres else "DATABASE_URL"
    return CheckError(
        "SQLAlchemy does not take addresses that begin with postgres://.",
        detail=f"Since version 1.4 they begin with {new}."
        + (
            f" {' and '.join(pushed.postgres)} begins with the old form." if pushed.postgres else ""
        ),
        advice=f"Set {name} to the same address with {new} in front. Then push again:\n"
        f'    ship config:set {name}="$(ship config:get {name} | sed s,^postgres://,{new},)"',
        reason="check/database-address",
    )


def _driver(pushed: Pushed) -> str:
    """What an address must say of the driver, where SQLAlchemy would take one that is not there."""
    version = (pushed.installed or {}).get("sqlalchemy", "")
    numbers = [int(part) for part in re.findall(r"\d+", version)[:2]]
    names = ["psycopg2", "psycopg"] if numbers < _PSYCOPG_FIRST else ["psycopg", "psycopg2"]
    here = [name for name in names if pushed.has(name) or pushed.has(f"{name}-binary")]
    return f"+{here[0]}" if here and here[0] != names[0] else ""


def unreachable(log: str, pushed: Pushed) -> CheckError | None:
    """A database or another server is not where the app looks for it."""
    del pushed
    match = next((found for each in _UNKNOWN_HOST if (found := last(each, log))), None)
    if match is not None:
        return _away(f"The app could not reach {match[1]}: no machine has this name.")
    match = next((found for each in _REFUSED if (found := last(each, log))), None)
    if match is None:
        return None
    port = match[2] or "3306"
    what = f" ({_SERVICES[port]})" if port in _SERVICES else ""
    return _away(f"The app could not reach {match[1]} port {port}{what}: nothing answers there.")


def _away(title: str) -> CheckError:
    return CheckError(
        title,
        advice="Check the address in the app's config vars: `ship config`. On this server it has "
        "to run, and listen where the app"
        " looks; an address of your laptop's or of docker-compose means nothing here.",
        reason="check/unreachable",
    )


def refused_login(log: str, pushed: Pushed) -> CheckError | None:
    """The database is there, and lets the app not in."""
    del pushed
    match = last(_LOGIN, log)
    if match is None:
        return None
    return CheckError(
        f"The database refused the app: {match[0]}.",
        advice="Check user, password and name of the database in the app's config vars: `ship "
        "config`.",
        reason="check/database-refused",
    )


def missing_table(log: str, pushed: Pushed) -> CheckError | None:
    """The database is there, and its tables were not made."""
    match = last(_TABLE, log)
    if match is None:
        return None
    command = migrate(pushed)
    lost = (
        "A database file in the app's folder is new in every release. "
        if "sqlite3" in log.lower()
        else ""
    )
    return CheckError(
        f"The database has no table {match[1] or match[2] or match[3]}.",
        detail=f"{lost}Migrations have not run on it.",
        advice=(
            f"Have them run before each release, by a line in your Procfile: `release: {command}`."
        )
        + (" Keep the file in the folder that $SHIP_STORAGE names." if lost else ""),
        reason="check/missing-table",
    )


def migrate(pushed: Pushed) -> str:
    """The command that makes an app's tables."""
    return "python manage.py migrate" if "manage.py" in pushed.files else "flask db upgrade"


def refused_file(log: str, pushed: Pushed) -> CheckError | None:
    """A file that cannot be written or is not there."""
    del pushed
    if match := last(_DENIED, log):
        return CheckError(
            f"The app may not write {match[2]}.",
            advice="Files to keep belong into the folder that the variable SHIP_STORAGE names, "
            "files for a moment into /tmp.",
            reason="check/file-refused",
        )
    if match := last(_NO_FILE, log):
        return CheckError(
            f"The app wants a file that is not there: {match[1]}.",
            advice="If it is part of the code, check that it was committed: `git status "
            "--ignored`. What is not in git goes into"
            " config vars, or into the folder that SHIP_STORAGE names.",
            reason="check/no-such-file",
        )
    if last(_DATABASE_FILE, log):
        return CheckError(
            "The app cannot open its SQLite database.",
            detail="Its folder is not there, or may not be written.",
            advice="Keep the file in the folder that the variable SHIP_STORAGE names.",
            reason="check/file-refused",
        )
    return None


def locked_store(log: str, pushed: Pushed) -> CheckError | None:
    """Another process has open what one process alone can have open."""
    del pushed
    match = last(_LOCKED, log)
    if match is None:
        return None
    return CheckError(
        f"Another process has {match[1] or match[2] or 'a file that the app needs'} open.",
        detail="The old release runs until the new one serves, and web has several workers.",
        advice="To have the old processes end first, put these lines into ship.toml:\n"
        '    [deploy]\n    order = "stop-first"\n'
        "To have one worker: `ship ps:scale web=1`.",
        reason="check/store-locked",
    )


def fixed_port(log: str, pushed: Pushed) -> CheckError | None:
    """The app listens on a port of its own choice, which it cannot have."""
    low, taken = last(_LOW_PORT, log), last(_IN_USE, log)
    if low is None and taken is None:
        return None
    port = low[1] if low else (taken[2] or taken[3] or "") if taken else ""
    which = f"port {port}" if port else "a port of its own choice"
    return CheckError(
        f"The app wants {which}, which {'only root may open' if low else 'is in use'}.",
        detail="The release before it goes on serving while a new one starts, so no port can be "
        "fixed.",
        advice=port_advice(pushed.line),
        reason="check/port-taken",
    )
