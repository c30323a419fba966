"""A new worker: it enters its release, says when it serves, and says why it could not."""

import contextlib
import importlib
import os
import signal
import sys
import time
import traceback

import ship_runtime_launch as launch
from gunicorn.errors import AppImportError

_SPEAK_FOR_THEMSELVES = (AppImportError, ImportError, SyntaxError, SystemExit)
_HALTS_MASTER = (3, 4)
"""Exit statuses on which gunicorn's master gives up: a worker did not boot, an app did not load."""
_REPLACED = 1
"""An exit status after which gunicorn only starts another worker."""
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_RETRY_PAUSE_S = 2
_ERROR_CHARACTERS = 16_000


def heed_signals(server):
    """Have a signal end this process, which until its own handlers are in place has the
    master's: they put it aside.
    """
    for number in ENDING:
        signal.signal(number, lambda *_: os._exit(0))
    if asked_to_stop(server):  # the master was, or this process before the line above
        os._exit(0)


def asked_to_stop(server):
    """Look through the signals that wait, and leave them waiting.

    Old gunicorns keep them in a list.
    """
    signals = server.SIG_QUEUE
    if not isinstance(signals, list):
        signals = [server.SIG_QUEUE.get_nowait() for _ in range(server.SIG_QUEUE.qsize())]
        for waiting in signals:
            server.SIG_QUEUE.put_nowait(waiting)
    return not set(ENDING).isdisjoint(signals)


def ready_path(run, pid):
    return os.path.join(run, "ready", str(pid))


def forget_modules(folder):
    """Drop modules that were imported from below `folder`; a worker imports its own."""
    inside = folder + os.sep
    for name, module in list(sys.modules.items()):
        places = [getattr(module, "__file__", None), *_search_path(module)]
        if any(isinstance(place, str) and place.startswith(inside) for place in places):
            del sys.modules[name]


def _search_path(module):
    try:
        return list(getattr(module, "__path__", ()))
    except Exception:  # noqa: BLE001 - a module may answer to any name as it likes
        return []


def enter(release, worker):
    """Stand in the release and import from it, as if gunicorn had been started there."""
    # gunicorn strips values when it sets them: a key loses its last newline
    worker.cfg.settings["raw_env"].value = ["{}={}".format(*pair) for pair in release.env.items()]
    releases = os.path.dirname(release.home)
    permanent = os.getcwd()
    forget_modules(releases)
    slot = os.path.join(os.environ["SHIP_SLOT"], "source")  # where the virtualenv's links lead
    os.environ["SHIP_TREE"] = release.source
    linked = [path for path in sys.path if (path + os.sep).startswith(slot + os.sep)]
    elsewhere = [
        release.source + path[len(slot) :] if path in linked else path
        for path in sys.path
        if path in linked or (path != permanent and not path.startswith(releases + os.sep))
    ]
    sys.path[:] = release.import_paths + [p for p in elsewhere if p not in release.import_paths]
    os.chdir(release.folder)
    # folders listed in the other release's name, or at an equal time, must not be believed
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()
    if "TZ" in release.env:
        os.environ["TZ"] = release.env["TZ"]
        time.tzset()


def guard(release, master, worker):
    """Turn every way not to boot into one the master survives, if it has served before."""
    boot = worker.init_process
    worker.ship_serves = False

    def guarded():
        try:
            boot()
        except SystemExit as end:
            if worker.ship_serves or not worker.alive:
                raise SystemExit(_REPLACED if end.code in _HALTS_MASTER else end.code) from end
            fail(
                release,
                master,
                "The app ended its process at its start.\n" + tell(release.home, end),
            )
        except BaseException as error:
            if worker.ship_serves:
                raise
            fail(release, master, tell(release.home, error))
        if worker.alive and not worker.ship_serves:
            fail(release, master, "The worker ended before it served.\n")

    worker.init_process = guarded


def tell(home, error):
    """The error with its traceback from the first line of the app's own; gunicorn's lines help
    nobody.
    """
    frames = error.__traceback__
    while frames and not frames.tb_frame.f_code.co_filename.startswith(home + os.sep):
        frames = frames.tb_next
    if frames is None and isinstance(error, _SPEAK_FOR_THEMSELVES):
        return "".join(traceback.format_exception_only(type(error), error))
    kept = frames or error.__traceback__
    return "".join(traceback.format_exception(type(error), error, kept))


def fail(release, master, text):
    """Leave the reason for ship to find, and end without waiting for threads the app may have
    left.
    """
    write_boot_error(release.run, text)
    sys.stderr.write(text)
    sys.stderr.flush()
    served = master.served or os.listdir(os.path.join(release.run, "ready"))
    if served and not master.swapping:
        time.sleep(_RETRY_PAUSE_S)  # gunicorn starts the next one at once, for ever
    os._exit(_REPLACED if served else _HALTS_MASTER[0])


def announce(release, worker):
    """Write the ready file at the first heartbeat: only then is the app up, its lifespan
    included.
    """
    beat = worker.notify

    def first_beat():
        beat()
        worker.notify = beat
        worker.ship_serves = True
        leave(release.run, f"ready/{os.getpid()}", release.label)
        with contextlib.suppress(OSError):
            launch.lift_mark(release.app_dir)
        if os.getppid() == worker.ppid:
            os.kill(worker.ppid, signal.SIGCHLD)  # wakes the master: it may start the others now

    worker.notify = first_beat


def withdraw(run, pid):
    """Remove a ready file; says whether there was one."""
    try:
        os.unlink(ready_path(run, pid))
    except FileNotFoundError:
        return False
    return True


def write_boot_error(run, text):
    leave(run, "boot-error", text[-_ERROR_CHARACTERS:])


def leave(run, name, text):
    """Leave a small file for ship to find, whole or not at all."""
    os.makedirs(os.path.join(run, "ready"), exist_ok=True)  # somebody may have swept the folder
    temporary = os.path.join(run, f".new.{os.getpid()}")
    with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as handle:
        handle.write(text)
    os.replace(temporary, os.path.join(run, name))
