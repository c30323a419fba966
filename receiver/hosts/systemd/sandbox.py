"""What an app's account may see and do: one list of systemd properties, for its slots and for
its jobs.

An app sees its own folder and none of another app's, and writes only where it is told it may. It
has no capability and can gain none, so what belongs to root is safe by its file permissions alone.
Properties that say that a second time (ProtectKernelTunables, an allow-list of system calls) are
left out: each costs about 20 ms at every start, and a deploy starts several jobs (decision 0006).
Those that cost next to nothing are for what stays.
"""

from collections.abc import Sequence
from pathlib import Path

from receiver.model.layout import AppPaths, Layout
from receiver.model.mounts import Mounts
from receiver.model.names import AppName
from receiver.model.settings import App

Properties = tuple[tuple[str, str], ...]

_DENIED_CALLS = (
    "@clock @cpu-emulation @debug @keyring @module @mount @obsolete @raw-io @reboot @swap"
    " bpf perf_event_open userfaultfd syslog"
)
_RUN_HIDDEN = (
    "/run/dbus",  # it tells anybody which units run, and with what settings
    "/run/snapd.socket",
)
"""Sockets in /run that take everybody in, and are no app's business. The rest of it is services',
such as databases, which let in whom they choose and make their folders anew when they start (0036).
"""
_IO_URING = "io_uring_setup io_uring_enter io_uring_register"
"""What is asked for by a ring passes no filter of calls, and the kernel's code for it is young."""
_FIXED: Properties = (
    ("UMask", "0027"),
    ("NoNewPrivileges", "yes"),
    ("CapabilityBoundingSet", ""),
    ("ProtectSystem", "strict"),
    ("ProtectHome", "yes"),
    ("ProtectProc", "invisible"),
    ("PrivateTmp", "yes"),
    ("PrivateDevices", "yes"),
    ("PrivateIPC", "yes"),
    ("LockPersonality", "yes"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    # netlink is how the C library and Python look up this machine's own addresses
    ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"),
    ("SystemCallArchitectures", "native"),
    # refused calls fail as on an old kernel, instead of killing a program that would cope
    ("SystemCallErrorNumber", "EPERM"),
    # shared memory has names that every account of the machine could take
    ("TemporaryFileSystem", "/dev/shm:mode=1777,nosuid,nodev"),  # noqa: S108 - a private one
    # PID 1's own folder holds the journals of all apps; of it come back what is the app's
    ("TemporaryFileSystem", "/run/systemd:ro"),
    # where systemd-resolved keeps what /etc/resolv.conf is a link to
    ("BindReadOnlyPaths", "-/run/systemd/resolve"),
    ("InaccessiblePaths", " ".join(f"-{path}" for path in _RUN_HIDDEN)),
    # ProtectSystem=strict leaves /run out, and with it the folder of locks that anybody may write
    ("ReadOnlyPaths", "/run"),
)


# What the kernel refuses an account anyway, said once more: 3 ms of a start together. Left out is
# ProtectKernelTunables, which takes 23 ms alone.
_ONCE_MORE: Properties = (
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectHostname", "yes"),
    ("RemoveIPC", "yes"),
)

_HIDDEN = ("/home", "/root", "/run/systemd", "/run/user", *_RUN_HIDDEN, "/tmp", "/var/tmp")  # noqa: S108 - not used
"""What ProtectHome, PrivateTmp and the rest of the list take out of sight."""


def account(app: AppName) -> str:
    """User and group that an app runs as."""
    return f"ship-{app}"


def sandbox_properties(
    layout: Layout, app: AppName, writable: Sequence[Path], settings: App | None
) -> Properties:
    """Properties for a unit of `app` that may write the folders `writable`, which must exist.

    Of its mounts, those outside of the release's tree are bound; the others are links in it.

    A folder that is writable shows what is made in it later too, so that a running slot can go over
    to a release that did not exist when it started.
    """
    paths = layout.app(app)
    return (
        ("User", account(app)),
        *_FIXED,
        ("InaccessiblePaths", f"-{layout.etc}"),
        ("TemporaryFileSystem", f"{layout.state}:ro"),
        ("TemporaryFileSystem", f"{layout.run}:ro"),
        ("BindReadOnlyPaths", str(paths.home)),
        ("BindPaths", f"-{paths.run}"),
        *(("ReadWritePaths", str(path)) for path in writable),
        ("SystemCallFilter", f"~{_denied_calls(settings)}"),
        *(() if settings and settings.core_files else (("LimitCORE", "0"),)),
        *_bound(paths, settings.mounts if settings else {}),
    )


def _denied_calls(settings: App | None) -> str:
    may = settings is not None and settings.io_uring
    return _DENIED_CALLS if may else f"{_DENIED_CALLS} {_IO_URING}"


def lasting_properties(
    layout: Layout, app: AppName, writable: Sequence[Path], settings: App
) -> Properties:
    """The same for what stays, which starts rarely, while a deploy starts several jobs."""
    return (*sandbox_properties(layout, app, writable, settings), *_ONCE_MORE)


def hides(layout: Layout, app: AppName, path: Path) -> bool:
    """Whether a file or folder of the machine is out of sight for units of `app`."""
    paths = layout.app(app)
    if any(path.is_relative_to(seen) for seen in (paths.home, paths.run)):
        return False
    folders = (*map(Path, _HIDDEN), layout.etc, layout.state, layout.run)
    return any(path.is_relative_to(folder) for folder in folders)


def _bound(paths: AppPaths, mounts: Mounts) -> Properties:
    outside = sorted(path for path in mounts if path.startswith("/"))
    whole = (path for path in outside if "/" not in path[1:])
    tops = dict.fromkeys(path.split("/")[1] for path in outside if "/" in path[1:])
    return (
        *(("BindPaths", f"{paths.storage}:{path}") for path in whole),
        *(("BindReadOnlyPaths", f"{paths.mounts / top}:/{top}") for top in tops),
    )
