"""Config vars as values: what an environment can hold, how two sets of them differ, and names
that ship uses itself.
"""

from collections.abc import Iterable, Mapping

import msgspec

from receiver.model.errors import UsageError

Config = Mapping[str, str]
_LONGEST_BYTES = 131_072
"""What Linux takes for one variable: name, = and value, and the zero byte at the end."""
_MOST_BYTES = 1_572_864
"""What all together may be: Linux takes 2 MiB, in which arguments and ship's own variables need
a place too."""
_NAMED = 5
_SHIPS_COUNTS = frozenset({"SHIP_INSTANCE", "SHIP_PROCESS"})
_NOT_FOR_WEB = frozenset(
    {
        "GUNICORN_FD",
        "GUNICORN_PID",
        "LISTEN_FDNAMES",
        "LISTEN_FDS",
        "LISTEN_PID",
        "NOTIFY_SOCKET",
        "SHIP_BIND",
        "SHIP_RUN",
        "SHIP_SLOT",
        "SHIP_TREE",
    }
)
_YOURS_COUNTS = frozenset(
    {
        "DYNO", "HOME", "LANG", "PYTHONUNBUFFERED", "SHIP_APP", "SHIP_HOST", "SHIP_HOSTS",
        "SHIP_STORAGE", "TMPDIR", "VIRTUAL_ENV",
    }
)  # fmt: skip
_BUILDS_OWN = frozenset(
    {
        "BUILD_DIR",
        "CACHE_DIR",
        "ENV_DIR",
        "HOME",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "PATH",
        "PYTHONHOME",
        "SOURCE_VERSION",
        "TMPDIR",
        "UV_CACHE_DIR",
        "UV_PROJECT_ENVIRONMENT",
        "UV_PYTHON",
        "UV_SYSTEM_PYTHON",
        "VIRTUAL_ENV",
    }
)
"""What a build sets for itself.

Config vars of these names are meant for another machine, or for the app that runs, and would have
the build use other programs and folders than its own.
"""


def size_bytes(text: str) -> int:
    """The length of a name or value as an environment holds it."""
    return len(text.encode("utf-8", "surrogateescape"))


def check_value(name: str, value: str) -> None:
    """Refuse a value that no program could be started with.

    Raises:
        UsageError: it holds a NUL byte, or is too long
    """
    if "\0" in value:
        raise UsageError(
            f"The value of {name} holds a NUL byte, which no environment can.",
            advice="Encode the value, for example as base64.",
            reason="usage/bad-config-value",
        )
    room = _LONGEST_BYTES - len(f"{name}=") - 1
    if size_bytes(value) > room:
        raise UsageError(
            f"The value of {name} is too long for an environment variable: "
            f"{size_bytes(value):,} bytes.",
            detail=f"Linux starts no program with a variable of more than 128 KiB; for {name} that "
            "leaves"
            f" {room:,} bytes.",
            advice="Keep it in a file below the app's storage folder ($SHIP_STORAGE), and its path "
            "in the config var.",
            reason="usage/bad-config-value",
        )


def check_together(config: Config) -> None:
    """Refuse config vars that together are more than a program can be started with.

    Raises:
        UsageError: they are
    """
    size = sum(size_bytes(name) + size_bytes(value) + 2 for name, value in config.items())
    if size > _MOST_BYTES:
        raise UsageError(
            f"All config vars together would have {size:,} bytes.",
            detail="Linux starts no program with more than 2 MiB of variables and arguments, and "
            "ship leaves room for"
            f" the arguments: config vars may have {_MOST_BYTES:,} bytes.",
            advice="Keep long values in files below the app's storage folder ($SHIP_STORAGE).",
            reason="usage/bad-config-value",
        )


def notices(names: Iterable[str]) -> list[str]:
    """A sentence for each name that ship uses itself: whose value the app gets to see."""
    told = {name: _notice(name) for name in names}
    return [sentence for sentence in told.values() if sentence]


def _notice(name: str) -> str:
    if name == "PORT":
        return "PORT is chosen by ship: the web process gets ship's, and does not see this value."
    if name == "PYTHONHOME":
        return "PYTHONHOME is stored, and no process gets to see it: a virtualenv has its own."
    if name == "PATH":
        return (
            "PATH is set by ship too: processes get this value instead, and find the "
            "virtualenv's programs only if it names them."
        )
    if name in _SHIPS_COUNTS:
        return f"{name} is set by ship: processes get ship's, and do not see this value."
    if name in _NOT_FOR_WEB:
        return f"{name} is ship's own: the web process does not get to see this value."
    if name in _YOURS_COUNTS:
        return f"{name} is set by ship too: processes get this value instead of ship's."
    return ""


def kept_from_builds(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that a build does without."""
    return tuple(sorted(_BUILDS_OWN.intersection(names)))


class Difference(msgspec.Struct, frozen=True):
    """How one set of config vars differs from another, by name."""

    set: tuple[str, ...] = ()
    """New, or of another value."""
    unset: tuple[str, ...] = ()

    @classmethod
    def between(cls, before: Config, after: Config) -> "Difference":
        changed = (name for name, value in after.items() if before.get(name) != value)
        return cls(tuple(sorted(changed)), tuple(sorted(before.keys() - after.keys())))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted({*self.set, *self.unset}))

    def __bool__(self) -> bool:
        return bool(self.set or self.unset)

    def __str__(self) -> str:
        """Such as `set A, B; unset C`."""
        return "; ".join(
            f"{verb} {', '.join(names)}"
            for verb, names in (("set", self.set), ("unset", self.unset))
            if names
        )

    @property
    def description(self) -> str:
        """Such as `Set A, B config vars`: names only, never values, and not all of very many."""
        parts = [
            f"{verb} {_some(names)} config var{'s' * (len(names) > 1)}"
            for verb, names in (("Set", self.set), ("Unset", self.unset))
            if names
        ]
        return "; ".join(parts)


def _some(names: tuple[str, ...]) -> str:
    if len(names) <= _NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"


def carried_over(config: Config, runs: Config, stored: Config) -> dict[str, str]:
    """`config` with what is pending: that by which the stored config vars differ from those the
    app runs with.
    """
    pending = Difference.between(runs, stored)
    kept = {name: value for name, value in config.items() if name not in pending.unset}
    return {**kept, **{name: stored[name] for name in pending.set}}
