"""What a slot's process runs, read from disk: the release, its config vars, its web process."""

import json
import os
import re

_BOOT_LIMIT_S = 60
_REFERENCE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})")
RESERVED = frozenset(
    {
        "PORT",
        "GUNICORN_PID",
        "GUNICORN_FD",
        "GUNICORN_CMD_ARGS",
        "LISTEN_FDS",
        "LISTEN_FDNAMES",
        "LISTEN_PID",
        "NOTIFY_SOCKET",
        "PYTHONHOME",
        "SHIP_BIND",
        "SHIP_INSTANCE",
        "SHIP_PROCESS",
        "SHIP_RUN",
        "SHIP_SLOT",
        "SHIP_TREE",
    }
)
"""Names between the process manager, gunicorn and ship; a config var of such a name would break
them."""


class UnusableReleaseError(Exception):
    """The release cannot be run as it lies on disk."""


def read_json(path):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as handle:
            return json.load(handle)
    except (OSError, ValueError) as error:
        raise UnusableReleaseError(f"The file {path} cannot be read: {error}.") from error


class Release:
    """The release that SHIP_SLOT led to when it was asked; it stays the same when the link moves
    on.
    """

    def __init__(self, environment):
        self.home = os.path.realpath(environment["SHIP_SLOT"])
        self.run, self.app_dir = environment["SHIP_RUN"], environment.get("SHIP_APP_DIR", "")
        self.port = environment.get("PORT", "8000")
        self.bind = environment.get("SHIP_BIND") or "127.0.0.1:" + self.port
        record = read_json(os.path.join(self.home, "release.json"))
        self.label = f"v{record['version']}"
        self.process = record["processes"].get(environment["SHIP_PROCESS"], {})
        if self.process.get("kind") != "gunicorn":
            raise UnusableReleaseError(
                "Release {} has no {} process for gunicorn.".format(
                    self.label, environment["SHIP_PROCESS"]
                )
            )
        self.check = record.get("check", {})
        self.address = record.get("address", "")
        self.workers = record.get("workers")
        self.boot_limit_s = record.get("boot_limit_s", _BOOT_LIMIT_S)
        self.source = os.path.join(self.home, "source")
        self.start = os.path.join(self.source, self.process.get("folder") or "")
        self.folder = self.start  # where the app stands; its `chdir` may move it
        self.import_paths = []
        given = read_json(os.path.join(self.home, "env.json"))
        self.env = {name: value for name, value in given.items() if name not in RESERVED}
        self.env.update(self.process.get("environment", {}))
        # programs that the app starts find its modules too
        paths = [self.env.get("PYTHONPATH"), self.source]
        self.env["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)

    def ask_workers(self, environment):
        """The number of workers that somebody chose for now: for a canary, or by `ps:scale`."""
        if environment.get("SHIP_WORKERS"):
            return int(environment["SHIP_WORKERS"])
        scale = os.path.join(environment["SHIP_APP_DIR"], "scale.json")
        if not os.path.exists(scale):
            return None
        return read_json(scale).get(environment["SHIP_PROCESS"])

    def arguments(self):
        """The options of the command line; one whose variable is empty is left out, as if not
        written.
        """
        expanded = (
            (text, _REFERENCE.sub(self._value, text)) for text in self.process.get("arguments", [])
        )
        return [done for text, done in expanded if done == text or not done.endswith("=")]

    def _value(self, found):
        name = found.group(1) or found.group(2)
        value = self.port if name == "PORT" else self.env.get(name, "")
        return value or found.group(3) or ""

    def enter_folder(self, chdir, pythonpath):
        """Where the app stands and looks for modules, in the order that gunicorn itself would
        make.
        """
        self.folder = os.path.normpath(os.path.join(self.start, chdir or ""))
        if not os.path.isdir(self.folder):
            name = os.path.relpath(self.folder, self.source)
            raise UnusableReleaseError(f"The app has no folder {name} to start in.")
        further = [os.path.join(self.folder, path) for path in reversed(pythonpath) if path]
        listed = self.env.get("PYTHONPATH", "").split(os.pathsep)
        behind = [os.path.join(self.source, path) for path in listed if path]
        self.import_paths = list(dict.fromkeys([*further, self.folder, self.source, *behind]))
