"""Gunicorn's settings for a release: defaults, the app's own file, its command line, then ship's
word.

Every value is tried on a configuration of its own before gunicorn sees it, because gunicorn ends
its master on a value it does not like, at a HUP as well.
"""

import contextlib
import importlib
import os
import runpy
import sys

import ship_runtime_release as on_disk
import ship_runtime_swap as swap
import ship_runtime_worker as worker
from gunicorn.config import Config

GRACEFUL_S = 30
DEFAULT_WORKERS = 2
_NOT_THEIRS = ("bind", "config", "daemon", "group", "initgroups", "paste", "pidfile", "user")
_PATHS = ("accesslog", "ca_certs", "certfile", "errorlog", "keyfile", "logconfig", "logconfig_json")
_LOGS = ("accesslog", "errorlog")
_FIRST_START_FAILED = 1


def load(master):
    """All settings for this start or HUP."""
    try:
        return _settings(on_disk.Release(os.environ), master)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the app's file may raise or call anything
        text = _why(error)
        worker.write_boot_error(os.environ["SHIP_RUN"], text)
        if master.cfg is None:
            sys.stderr.write(text + "\n")
            raise SystemExit(_FIRST_START_FAILED) from None
        return swap.refusing_settings(master, text)


def _why(error):
    if isinstance(error, on_disk.UnusableReleaseError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"Gunicorn or the app's gunicorn file ended at once: exit status {error.code}."
    return worker.tell(os.path.realpath(os.environ["SHIP_SLOT"]), error)


def _settings(release, master):
    values = _defaults(release)
    values.update(_of_command_line_and_file(release))
    chdir, pythonpath = values.pop("chdir", None), values.pop("pythonpath", None) or ""
    release.enter_folder(
        release.process.get("chdir") or chdir,
        release.process.get("pythonpath") or pythonpath.split(","),
    )
    asked = release.ask_workers(os.environ) or release.process.get("workers")
    _absolute_paths(release, values)
    values["raw_env"] = ["{}={}".format(*pair) for pair in release.env.items()]
    values.update(_ours(release, int(asked or values["workers"])))
    tried = _try(release, values)
    values.update(swap.hooks(release, master, tried))
    return values


def _defaults(release):
    shared_memory = "/dev/shm"  # noqa: S108 - gunicorn makes unnamed files there
    values = {
        "workers": release.env.get("WEB_CONCURRENCY") or release.workers or DEFAULT_WORKERS,
        "graceful_timeout": GRACEFUL_S,
        "errorlog": "-",
        "proc_name": "{}-{}".format(os.environ["SHIP_APP"], os.environ["SHIP_PROCESS"]),
    }
    if os.access(shared_memory, os.W_OK):
        values["worker_tmp_dir"] = shared_memory  # a heartbeat never waits for a disk
    if release.env.get("FORWARDED_ALLOW_IPS"):
        values["forwarded_allow_ips"] = release.env["FORWARDED_ALLOW_IPS"]
    return values


def _ours(release, workers):
    return {
        "bind": [release.bind],
        "workers": workers,
        "chdir": os.getcwd(),
        "daemon": False,
        "preload_app": False,
        "reload": False,
        "reuse_port": False,
        "control_socket_disable": True,  # two masters of one home would claim one path
    }


def _of_command_line_and_file(release):
    """What gunicorn itself would have read: the app's file, and above it the command line."""
    known = Config("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn")
    line = _parsed(known.parser(), release.arguments())
    values = _of_file(release)
    if "raw_env" in values:
        listed = dict(entry.split("=", 1) for entry in values.pop("raw_env"))
        release.env = {**release.env, **listed, **release.process.get("environment", {})}
    values.update({name: value for name, value in line.items() if value is not None})
    return {
        name: value
        for name, value in values.items()
        if name in known.settings and name not in _NOT_THEIRS
    }


def _parsed(parser, arguments):
    try:
        return vars(parser.parse_args(arguments))
    except SystemExit as error:
        given = " ".join(arguments)
        raise on_disk.UnusableReleaseError(f"Gunicorn refuses its options: {given}.") from error


def _of_file(release):
    name = release.process.get("config")
    if name and name.startswith("python:"):
        with _inside(release):
            return dict(vars(importlib.import_module(name[len("python:") :])))
    name = name[len("file:") :] if name and name.startswith("file:") else name
    path = os.path.join(release.start, name or "gunicorn.conf.py")
    if not os.path.exists(path):
        if name is None:
            return {}
        raise on_disk.UnusableReleaseError(f"The app's gunicorn file {name} does not exist.")
    with _inside(release):
        return runpy.run_path(path, run_name="__config__")


@contextlib.contextmanager
def _inside(release):
    """As if gunicorn had been started in the app's tree; afterwards the master has nothing of
    it.
    """
    before = os.getcwd(), sys.path[:], dict(os.environ)
    os.chdir(release.start if os.path.isdir(release.start) else release.source)
    sys.path[:0] = release.import_paths or [release.start]
    os.environ.update(release.env)
    try:
        yield
    finally:
        os.chdir(before[0])
        sys.path[:] = before[1]
        for name in set(os.environ) - set(before[2]):
            del os.environ[name]
        os.environ.update(before[2])
        worker.forget_modules(os.path.dirname(release.home))


def _absolute_paths(release, values):
    """Gunicorn stands outside the app's tree, so what the app means by a relative path is said
    in full.
    """
    for name in _PATHS:
        value = values.get(name)
        if isinstance(value, str) and value != "-":
            values[name] = os.path.join(release.folder, value)
            if name in _LOGS and not _can_append(values[name]):
                sys.stderr.write(f"ship: {name} {value} cannot be written; its lines come here.\n")
                values[name] = "-"


def _can_append(path):
    if os.path.exists(path):
        return os.access(path, os.W_OK)
    return os.access(os.path.dirname(path), os.W_OK)


def _try(release, values):
    """A configuration of these values.

    Classes from the app's own tree are loaded here, for good.
    """
    trial = Config()
    with _inside(release):
        for name, value in values.items():
            if name in trial.settings:
                _set(trial, name, value)
        for name in ("worker_class", "logger_class"):
            made = _loaded(trial, name)
            if _is_below(release.source, made):
                values[name] = made
    _ = trial.address, trial.env  # made when asked for
    return trial


def _set(trial, name, value):
    try:
        trial.set(name, value)
    except Exception as error:
        raise on_disk.UnusableReleaseError(
            f"Gunicorn refuses the value {value!r} of {name}: {error}."
        ) from error


def _loaded(trial, name):
    try:
        return getattr(trial, name)
    except RuntimeError as error:  # its text is a whole traceback
        cause = error.__context__ or error
        wanted = trial.settings[name].value
        raise on_disk.UnusableReleaseError(
            f"Gunicorn cannot load the {name} {wanted}: {_root(cause)!r}."
        ) from error


def _root(error):
    return _root(error.__context__) if error.__context__ else error


def _is_below(folder, made):
    place = getattr(sys.modules.get(made.__module__), "__file__", None) or ""
    return os.path.realpath(place).startswith(os.path.realpath(folder) + os.sep)
