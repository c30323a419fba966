"""How workers start: the first of a release alone, the others when it serves.

An app that makes its tables at import would have all workers make them at once. So at a start
gunicorn's `spawn_workers` forks one worker until one serves.

At a HUP the new workers boot beside the old, which go only when all of the new serve. Gunicorn
itself forks the new workers and stops the old at once, so that nobody answers while the new ones
boot. Its hook `on_reload` comes before that, and there the new workers are started and watched.
Then gunicorn is left to do the one part it does well: to stop the older workers gracefully. If a
new worker fails, the new ones are the ones to go, and the settings before the HUP are put back.
"""

import contextlib
import os
import signal
import time

import ship_runtime_django_settings as django_settings
import ship_runtime_drain as drain
import ship_runtime_launch as launch
import ship_runtime_question as question
import ship_runtime_unsaid as unsaid
import ship_runtime_worker as boot

_LOOK_EVERY_S = 0.005
_KILLED_WITHIN_S = 2
_SOON_S = 0.1
_KILLED_WORKERS = 75
"""Exit status after workers had to be killed, in receiver/model/program.py too."""


def hooks(release, master, cfg):
    """Our hooks; each calls the app's own hook of that name, or gunicorn's empty one, as well."""
    theirs = {name: getattr(cfg, name) for name in (*_HOOKS, "when_ready")}

    def on_starting(server):
        _begin(server, release, master)
        theirs["on_starting"](server)

    def on_reload(server):
        swap(server, release, master, theirs)

    def pre_fork(server, worker):
        server.cfg.set("workers", master.workers)
        theirs["pre_fork"](server, worker)

    def post_fork(server, worker):
        boot.heed_signals(server)
        boot.guard(release, master, worker)
        try:
            boot.enter(release, worker)
            theirs["post_fork"](server, worker)
        except BaseException as error:  # noqa: BLE001 - whatever a hook of the app's raises
            text = "The release could not be entered.\n" + boot.tell(release.home, error)
            boot.fail(release, master, text)

    def post_worker_init(worker):
        theirs["post_worker_init"](worker)
        drain.prepare(worker)
        django_settings.complete(release.source)
        question.ask(release, master, worker)
        unsaid.write_on_laptop(release.home)
        boot.announce(release, worker)

    def child_exit(server, worker):
        _note_end(server, master, release.run, worker.pid)
        theirs["child_exit"](server, worker)

    ours = (on_starting, on_reload, pre_fork, post_fork, post_worker_init, child_exit)
    return {hook.__name__: hook for hook in ours}


_HOOKS = ("on_starting", "on_reload", "pre_fork", "post_fork", "post_worker_init", "child_exit")


def _begin(server, release, master):
    master.cfg, master.workers = server.cfg, server.cfg.workers
    master.label, master.starting = release.label, True
    _take_one_signal_at_a_time(server)
    _start_one_first(server, master, release.run)
    _tell_of_kills(server)


def _start_one_first(server, master, run):
    """Have gunicorn fork one worker until one serves, and say who serves when all do.

    A worker that serves sends the master SIGCHLD, so that it comes here at once.
    """
    spawn, manage = server.spawn_workers, server.manage_workers

    def spawn_workers():
        if not master.starting:
            spawn()
            return
        first = not master.served and not _serving(server, run)
        for _ in range(len(server.WORKERS), 1 if first else server.num_workers):
            server.spawn_worker()  # as gunicorn does, which sleeps a little after each

    def manage_workers():
        manage()
        if master.starting and len(_serving(server, run)) >= server.num_workers:
            _tell_who_serves(master, run, master.label)

    server.spawn_workers, server.manage_workers = spawn_workers, manage_workers


def _tell_of_kills(server):
    """Gunicorn kills what does not end in time, and ends as if all had gone well.

    It looks for ends every 0.1 s, and most workers end in less: those are seen here.
    """
    kill, end = server.kill_workers, server.halt
    killed = []

    def kill_workers(number):
        if number == signal.SIGKILL:
            killed.extend(server.WORKERS)
        kill(number)
        limit = time.monotonic() + _SOON_S
        while number in boot.ENDING and server.WORKERS and time.monotonic() < limit:
            server.reap_workers()
            time.sleep(_LOOK_EVERY_S)

    def halt(*args, **options):
        try:
            end(*args, **options)
        except SystemExit as ended:
            if not killed or ended.code:
                raise
            server.log.warning(
                "Workers that did not end in time, and were killed: %d.", len(killed)
            )
            raise SystemExit(_KILLED_WORKERS) from None

    server.kill_workers, server.halt = kill_workers, halt


def _serving(server, run):
    return [pid for pid in list(server.WORKERS) if os.path.exists(boot.ready_path(run, pid))]


def _note_end(server, master, run, pid):
    """Say that a start did not bring all workers; where none serves, the master ends by itself."""
    served = boot.withdraw(run, pid)
    master.served |= served
    _count_failures(server, master, run, served)
    starting = getattr(master, "starting", False) and not master.swapping
    if starting and not served and _serving(server, run):
        _leave_reason(run, f"A worker of {master.label} ended before it served.")
        boot.leave(run, "swapped", f"{master.label} in part")


def _count_failures(server, master, run, served):
    """Tell nginx when workers that served are gone, and one after the other does not start.

    Where none has served yet, the master ends by itself, and its starts are counted.
    """
    if served or not master.served or master.swapping or _serving(server, run):
        master.failed = 0
        return
    master.failed = getattr(master, "failed", 0) + 1
    with contextlib.suppress(OSError):
        launch.note_failures(run, os.environ["SHIP_APP_DIR"], master.failed)


def _take_one_signal_at_a_time(server):
    """Leave the others waiting, where a swap looks for a stop.

    Newer gunicorns take all that wait at once: a stop that came with a HUP would be heard only when
    the swap has ended. Older ones have no such method.
    """
    take_all = getattr(server, "wait_for_signals", None)
    if take_all is None:
        return

    def take_one(*args, **options):
        taken = take_all(*args, **options)
        for number in taken[1:]:
            server.SIG_QUEUE.put_nowait(number)
        return taken[:1]

    server.wait_for_signals = take_one


def refusing_settings(master, why):
    """Settings for a HUP whose release cannot even be read: listen as before, and refuse."""

    def on_reload(server):
        _refuse(server, master, why, list(server.WORKERS.values()))

    return {
        "bind": master.cfg.bind,
        "workers": master.workers,
        "on_reload": on_reload,
        "control_socket_disable": True,
    }


def swap(server, release, master, theirs):
    """Start the release's workers; keep them, or else those that were there.

    gunicorn calls `on_starting` and `when_ready` at a start of its master alone. Here each release
    has them called.
    """
    old = list(server.WORKERS.values())
    wanted, before = server.cfg.workers, master.workers
    master.workers, master.swapping = wanted, True
    _unlink(os.path.join(release.run, "boot-error"))
    is_new = release.label != master.label

    def begin(server):
        if is_new:
            theirs["on_starting"](server)
        theirs["on_reload"](server)

    why = _start(server, release, master, wanted, begin)
    master.swapping = False
    if why is None:
        master.cfg = server.cfg
        for worker in old:
            boot.withdraw(release.run, worker.pid)
        _leave_only(server, [w for w in server.WORKERS.values() if w not in old])
        _tell_who_serves(master, release.run, release.label)
        if is_new:
            _call_when_ready(server, theirs["when_ready"])
    else:
        master.workers = before
        _refuse(server, master, why, old)


def _call_when_ready(server, hook):
    """The release serves already: what its hook raises is told, and changes nothing."""
    try:
        hook(server)
    except Exception:
        server.log.exception("The hook when_ready failed.")


def _start(server, release, master, wanted, their_hook):
    """Start the first worker of a release alone, then as many at a time as there are processors.
    Returns why they failed, if so.

    Nothing here may clean up on the way out: a worker is forked in here, and leaves this way.
    """
    limit_s = int(os.environ.get("SHIP_BOOT_LIMIT_S", release.boot_limit_s))
    limit = time.monotonic() + limit_s
    begun, at_once = 0, 1 if release.label != master.label else _processors()
    try:
        their_hook(server)
        while begun < wanted:
            pids = [server.spawn_worker() for _ in range(min(at_once, wanted - begun))]
            why = _await(server, release, pids, limit)
            if why:
                return why
            if begun == 0:
                limit, at_once = time.monotonic() + limit_s, _processors()
            begun += len(pids)
    except Exception as error:  # noqa: BLE001 - whatever a hook of the app's raises
        return f"A hook of the app's gunicorn file failed: {error!r}."
    return None


def _processors():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _await(server, release, pids, limit):
    while not all(os.path.exists(boot.ready_path(release.run, pid)) for pid in pids):
        server.reap_workers()
        server.murder_workers()
        if any(pid not in server.WORKERS for pid in pids):
            return f"A new worker of {release.label} ended before it served."
        if boot.asked_to_stop(server):
            return "The server was asked to stop."
        if time.monotonic() > limit:
            return f"The new workers of {release.label} did not serve in time."
        time.sleep(_LOOK_EVERY_S)
    return None


def _refuse(server, master, why, old):
    """Put back the settings before the HUP, and have the new workers go."""
    server.log.error("%s Going on with the release before.", why)
    run = os.environ["SHIP_RUN"]
    _leave_reason(run, why)
    _kill(
        server, [pid for pid in _new(server, old) if not os.path.exists(boot.ready_path(run, pid))]
    )
    _drop_environment(server.cfg)
    master.cfg.set("workers", master.workers)
    server.app.cfg = master.cfg
    server.setup(server.app)
    _leave_only(server, [worker for worker in server.WORKERS.values() if worker in old])
    _tell_who_serves(master, run, master.label)


def _new(server, old):
    return [pid for pid, worker in server.WORKERS.items() if worker not in old]


def _kill(server, pids):
    """End workers, and see their end: no word of theirs may come when the next swap is begun.

    Seen by gunicorn, it would be logged as the kernel's doing, "Perhaps out of memory?".
    """
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    limit = time.monotonic() + _KILLED_WITHIN_S
    while pids and time.monotonic() < limit:
        pids = [pid for pid in pids if not _buried(server, pid)]
        time.sleep(_LOOK_EVERY_S)


def _buried(server, pid):
    """Do what gunicorn does when a worker has ended, if this one has.

    Gunicorn up to 23 does it as soon as the signal comes, and may have been first.
    """
    try:
        if os.waitpid(pid, os.WNOHANG) == (0, 0):
            return False
    except ChildProcessError:
        return True
    worker = server.WORKERS.pop(pid)
    worker.tmp.close()
    server.cfg.child_exit(server, worker)
    return True


def _leave_reason(run, why):
    """Leave it for ship to find, unless the worker itself has said more."""
    if not os.path.exists(os.path.join(run, "boot-error")):
        boot.write_boot_error(run, why)


def _tell_who_serves(master, run, label):
    """Say which release serves, now that a start or a HUP is answered: ship waits for this word."""
    master.label, master.starting = label, False
    boot.leave(run, "swapped", label)


def _drop_environment(cfg):
    for name in cfg.env:
        if name in cfg.env_orig:
            os.environ[name] = cfg.env_orig[name]
        else:
            os.environ.pop(name, None)


def _leave_only(server, kept):
    """Have the rest of gunicorn's reload start nothing, and stop all workers but `kept`.

    It starts cfg.workers more, stops the oldest, and waits for those not younger than worker_age.
    """
    server.cfg.set("workers", 0)  # until the next pre_fork
    going = [worker for worker in server.WORKERS.values() if worker not in kept]
    for age, worker in enumerate(going + kept, start=1):
        worker.age = age
    server.worker_age = len(going)


def _unlink(path):
    if os.path.exists(path):
        os.unlink(path)
