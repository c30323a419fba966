"""Debian trees that machines boot from: made once, kept in a cache folder, never booted themselves.

`fresh` is what a provider hands out; `warm` has the packages of an install lying in its caches,
not installed, so that installer.sh takes seconds. `python -m tests.vps.trees` makes both.
"""

import fcntl
import hashlib
import os
import platform
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tests.vps import registries
from tests.vps.disk import copy_tree, remove_tree

PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "ca-certificates", "iproute2",
    "python3", "python3-venv",
)  # fmt: skip
CACHED_PACKAGES = ("nginx", "nftables", "git", "curl", "xz-utils", "rsync", "ufw")
CACHED_WHEELS = (
    "setuptools", "wheel", "pip", "click", "dulwich", "gunicorn", "jinja2", "msgspec", "rich",
    "sh", "supervisor", "toml", "uv", "watchdog", "flask", "django", "fastapi", "uvicorn",
)  # fmt: skip
RECIPE = 1  # raise it when a tree is made in another way

WARM_UP = """
set -e
apt-get update -q
apt-get install -q -y --download-only {packages}
python3 -m venv /tmp/warm
/tmp/warm/bin/pip install -q --upgrade pip
/tmp/warm/bin/pip install -q {wheels}
/tmp/warm/bin/uv venv -q /tmp/warm2
/tmp/warm/bin/uv pip install -q --python /tmp/warm2/bin/python {wheels}
rm -rf /tmp/warm /tmp/warm2
"""


def cache_folder() -> Path:
    """Where trees and running machines lie."""
    return Path(os.environ.get("SHIP_TEST_CACHE", "/var/cache/ship-tests"))


def fresh() -> Path:
    """A minimal Debian with systemd, sshd, sudo and Python, of this computer's own suite."""
    return _made_once(f"{_suite()}-fresh-{_digest()}", _debootstrap)


def warm() -> Path:
    """The fresh tree with full caches; made anew every day, because package lists age."""
    base = fresh()
    today = datetime.now(tz=UTC).date()
    tree = _made_once(f"{_suite()}-warm-{_digest()}-{today}", lambda partial: _warm(base, partial))
    _remove_warm_trees_before(today - timedelta(days=1))
    return tree


def made_upon(base: Path, name: str, make: Callable[[Path], None]) -> Path:
    """A tree of which only what differs from `base` is kept; those of its kind that no machine
    stands on go.
    """
    name = f"{_suite()}-{name}"
    tree = _made_once(name, make)
    _below(tree).write_text(str(base))
    kind = name.rpartition("-")[0]
    for old in cache_folder().glob(f"{kind}-*"):
        if old.is_dir() and old != tree and _remove_unless_held(old):
            _below(old).unlink(missing_ok=True)
    return tree


def layers(tree: Path) -> tuple[Path, ...]:
    """The folders that make up a tree, the topmost first."""
    below = _below(tree)
    return (tree, *(layers(Path(below.read_text())) if below.exists() else ()))


def hold(tree: Path) -> ExitStack:
    """Keep the tree from being removed until what is returned is closed."""
    with ExitStack() as handles:
        for layer in layers(tree):
            handle = handles.enter_context(_lock_file(layer).open("w"))
            fcntl.flock(handle, fcntl.LOCK_SH)
        return handles.pop_all()


def _suite() -> str:
    return platform.freedesktop_os_release().get("VERSION_CODENAME", "bookworm")


def _digest() -> str:
    recipe = (RECIPE, PACKAGES, CACHED_PACKAGES, CACHED_WHEELS, WARM_UP)
    return hashlib.sha256(repr(recipe).encode()).hexdigest()[:10]


def _made_once(name: str, make: Callable[[Path], None]) -> Path:
    tree = cache_folder() / name
    tree.parent.mkdir(parents=True, exist_ok=True)
    with _exclusively(tree):
        if not tree.exists():
            partial = tree.with_name(f"{name}.partial")
            remove_tree(partial)
            make(partial)
            partial.rename(tree)
    return tree


def _debootstrap(partial: Path) -> None:
    include = f"--include={','.join(PACKAGES)}"
    suite = _suite()
    argv = ("debootstrap", "--variant=minbase", include, suite, str(partial))
    _run(*argv, *registries.mirror(suite))
    _run("chroot", str(partial), "apt-get", "clean")


def _warm(base: Path, partial: Path) -> None:
    copy_tree(base, partial)
    registries.configure(partial)
    script = WARM_UP.format(packages=" ".join(CACHED_PACKAGES), wheels=" ".join(CACHED_WHEELS))
    run_in_tree(partial, script)


def run_in_tree(tree: Path, script: str) -> None:
    """Run a shell script in a tree that is not booted, with this computer's own network."""
    Path("/run/systemd/nspawn/propagate").mkdir(parents=True, exist_ok=True)
    variables = [f"--setenv={name}={value}" for name, value in registries.environment().items()]
    _run(
        "systemd-nspawn",
        "-q",
        "-D",
        str(tree),
        "--register=no",
        "--keep-unit",
        "--pipe",
        "--resolv-conf=off",
        "--setenv=DEBIAN_FRONTEND=noninteractive",
        *registries.binds(),
        *variables,
        "/bin/sh",
        "-c",
        script,
    )


def _run(*argv: str) -> None:
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=900
    )
    if done.returncode:
        seen = (done.stdout + done.stderr)[-3000:]
        raise RuntimeError(f"{argv[0]} ended with {done.returncode}:\n{seen}")


def _remove_warm_trees_before(day: date) -> None:
    for tree in cache_folder().glob("*-warm-*-????-??-??"):
        if tree.name[-len("YYYY-MM-DD") :] < day.isoformat():
            _remove_unless_held(tree)


def _remove_unless_held(tree: Path) -> bool:
    with _lock_file(tree).open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False  # a machine of another run still stands on it
        remove_tree(tree)
    return True


@contextmanager
def _exclusively(tree: Path) -> Iterator[None]:
    lock = tree.with_name(f".{tree.name}.making")
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _lock_file(tree: Path) -> Path:
    return tree.with_name(f".{tree.name}.lock")


def _below(tree: Path) -> Path:
    """The file that names what a tree lies upon."""
    return tree.with_name(f".{tree.name}.below")


if __name__ == "__main__":
    print(f"Debian trees for the machine tests: {fresh()}, {warm()}")
