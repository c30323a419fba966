"""Advice on what is sent, or becomes too much for the server, is followed to the letter.

Command lines of the advice are run by a shell, in a folder of somebody's; settings are written into
the ship.toml of a server.
"""

import io
import os
import random
import re
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from receiver.deploy.tree.spool import limits_of, spool
from receiver.machine.shell import Program
from receiver.model.errors import BuildError, ShipError
from receiver.model.settings import Server
from receiver.model.weight import MIB, TreeLimits, refusal
from receiver.push import from_archive, weighing
from receiver.push.archive import Made, read
from receiver.push.limits import Limits
from receiver.push.objects import Objects
from receiver.push.pack_writer import PackWriter
from receiver.state import records
from tests.checkout import NOBODYS_SETTINGS, Checkout
from tests.unit.push.test_archive import locked_zip
from tests.unit.small_server import BLOG, small_server
from tests.unit.trees import archive

SMALL = {"max_tree_files": "20", "max_tree_mb": "1", "max_push_mb": "1"}
LONG = "x" * 200
APP: Mapping[str, bytes] = {"app.py": b"app", "bin/run": b"#!"}
SIZE = 128 * 1024
NOISE = random.Random(7).randbytes(2 * MIB)


@dataclass(frozen=True)
class Row:
    """An archive that is refused, what is advised, and what somebody does who reads it."""

    reason: str
    sent: Callable[[Path], bytes]
    """Made of the folder with the app; that is what its maker meant to send."""
    advice: str
    does: Callable[[Path, str], bytes]
    """Gives what is sent next: of the folder, and the advice."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What is in the folder besides the app."""


def _packed(folder: Path, *words: str) -> bytes:
    return _run(f"tar cz {' '.join(words)} .", folder)


def _run(line: str, folder: Path) -> bytes:
    return subprocess.run(line, shell=True, cwd=folder, check=True, capture_output=True).stdout


def _types(folder: Path, advice: str) -> bytes:
    """Type the one line of tar that is advised, next to the folder."""
    (line,) = re.findall(r"tar czf app\.tar\.gz [^`\n]*", advice)
    _run(line.replace("FOLDER", folder.name), folder.parent)
    return (folder.parent / "app.tar.gz").read_bytes()


def _pipes(folder: Path, advice: str) -> bytes:
    """Type the line that has tar write to ssh, in the folder; what ssh would be given."""
    (line,) = re.findall(r"(tar czf - \.) \| ssh ship@HOST git:from-archive -a NAME", advice)
    return _run(line, folder)


def _renames(folder: Path, _: str) -> bytes:
    for path in folder.iterdir():
        if path.name.startswith("x"):
            path.rename(folder / "short")
    return _packed(folder)


def _excludes(folder: Path, _: str) -> bytes:
    return _packed(folder, "--exclude=./assets")


def _of_one_file(name: str) -> bytes:
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w:gz") as tar:
            tar.addfile(tarfile.TarInfo(name))
        return file.getvalue()


def _with_password(_: Path) -> bytes:
    return locked_zip()


def _long_header(_: Path) -> bytes:
    """A tar file whose headers have no end: a name of gigabytes, of which little is sent."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1
    return (info.tobuf(tarfile.GNU_FORMAT) + bytes(512)) * 5000


OF_FOLDER = "Make it of the app's folder: `tar czf app.tar.gz -C FOLDER .`."
MANY = {f"assets/{number}.css": b"" for number in range(20)}
ROWS = (
    Row(
        "build/archive-cut-short",
        lambda folder: _packed(folder)[:40_000],
        "Send it again.",
        lambda folder, _: _packed(folder),
        {"logo.png": NOISE[:80_000]},
    ),
    Row("build/empty-archive", lambda _: _of_one_file(".git/HEAD"), OF_FOLDER, _types),
    Row(
        "build/not-an-archive",
        lambda folder: (folder / "app.py").read_bytes(),
        "    tar czf - . | ssh ship@HOST git:from-archive -a NAME",
        _pipes,
    ),
    Row("build/not-an-archive", lambda _: b"", "Send a tar file", _pipes),
    Row(
        "build/not-an-archive",
        _with_password,
        "a zip without a password",
        lambda folder, _: _run("python3 -m zipfile -c ../a.zip . && cat ../a.zip", folder),
    ),
    Row(
        "build/unsafe-tree",
        lambda _: _of_one_file("../app.py"),
        "with names relative to it: `tar czf app.tar.gz -C FOLDER .`.",
        _types,
    ),
    Row(
        "build/unsafe-tree",
        _long_header,
        "Make it again of the app's folder: `tar czf app.tar.gz -C FOLDER .`.",
        _types,
    ),
    Row(
        "build/archive-too-large",
        _packed,
        "    tar czf app.tar.gz --exclude=.git --exclude=.tox --exclude='*.pyc' -C FOLDER .",
        _types,
        {f"{name}/{n}": bytes(SIZE) for name in (".git", ".tox") for n in range(4)}
        | {f"pkg/{n}.pyc": bytes(SIZE) for n in range(2)},
    ),
    Row(
        "build/path-too-long",
        _packed,
        "Rename it or move it up, then send it again.",
        _renames,
        {f"{'/'.join([LONG] * 6)}/a.txt": b""},
    ),
    Row(
        "build/too-many-files",
        _packed,
        "by --exclude for tar",
        _excludes,
        MANY,
    ),
    Row(
        "build/tree-too-large",
        _packed,
        "Keep large files in the app's storage",
        _excludes,
        {"assets/film.mp4": bytes(2 * MIB)},
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.reason} {row.advice[:30]}")
def test_an_archive_made_as_advised_is_taken(row: Row, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    _write(folder, {**APP, **row.files})
    limits = TreeLimits(20, SIZE)
    with pytest.raises(BuildError) as refused:
        _taken(row.sent(folder), limits)
    assert refused.value.reason == row.reason
    assert row.advice in refused.value.advice
    made = _taken(row.does(folder, refused.value.advice), limits)
    assert made.files >= len(APP)
    assert made.left_out == ()


SETTINGS: Mapping[str, tuple[str, str, Mapping[str, bytes]]] = {
    "build/too-many-files": ("max_tree_files", "100", MANY),
    "build/tree-too-large": ("max_tree_mb", "10", {"assets/film.mp4": bytes(2 * MIB)}),
    "build/archive-too-large": ("max_push_mb", "10", {"assets/film.mp4": NOISE}),
}


@pytest.mark.parametrize("reason", SETTINGS)
def test_the_setting_that_is_named_is_raised_and_it_is_taken(reason: str, tmp_path: Path) -> None:
    name, value, files = SETTINGS[reason]
    folder, server = tmp_path / "app", small_server(tmp_path / "server")
    _write(folder, {**APP, **files})
    sent = _packed(folder)
    others = {key: "100" for key in SMALL if key != name}
    with pytest.raises(BuildError) as refused:
        _sent(sent, _limits(server.layout.server_settings, {**others, name: SMALL[name]}), tmp_path)
    assert refused.value.reason == reason
    assert f"raise {name} in the server's ship.toml" in refused.value.advice
    raised = _limits(server.layout.server_settings, {**others, name: value})
    assert _sent(sent, raised, tmp_path).files == len(APP) + len(files)


COMMITS: Mapping[str, tuple[str, str, Mapping[str, bytes]]] = {
    "build/too-many-files": (
        "Take out what the app does not need with `git rm -r --cached PATH` and `git commit`",
        "git rm -r -q --cached assets && git commit -q -m Less",
        MANY,
    ),
    "build/tree-too-large": (
        "Keep large files in the app's storage",
        "git rm -r -q --cached assets && git commit -q -m Less",
        {"assets/film.mp4": bytes(2 * MIB)},
    ),
    "build/path-too-long": (
        "Rename it or move it up, commit, and push again.",
        f"git mv {LONG} short && git commit -q -m Shorter",
        {f"{'/'.join([LONG] * 5)}/{'y' * 30}": b""},
    ),
}


@pytest.mark.parametrize("reason", COMMITS)
def test_a_commit_made_as_advised_is_taken(reason: str, tmp_path: Path) -> None:
    advice, line, files = COMMITS[reason]
    laptop = Checkout(tmp_path / "laptop", "", {"PATH": "/usr/bin:/bin", **NOBODYS_SETTINGS})
    laptop.commit({**APP, **files})
    limits = TreeLimits(20, MIB)
    refused = _weighed(laptop, limits)
    assert refused is not None
    assert refused.reason == reason
    assert advice in refused.advice
    subprocess.run(line, shell=True, cwd=laptop.folder, env=laptop.environment, check=True)
    assert _weighed(laptop, limits) is None


def test_what_git_hands_on_cut_short_is_taken_when_it_is_pushed_again(tmp_path: Path) -> None:
    """For build/archive-cut-short, of a push."""
    whole, server = archive({"app.py": "app"}), small_server(tmp_path)
    paths, limits = server.layout.app(BLOG), limits_of(server.settings)
    paths.incoming.mkdir()
    with pytest.raises(BuildError) as refused, _pipe(whole[:600]) as source:
        spool(paths, source.fileno(), limits)
    assert refused.value.reason == "build/archive-cut-short"
    assert refused.value.advice.startswith("Push again.")
    with _pipe(whole) as source:
        assert spool(paths, source.fileno(), limits).read_bytes() == whole


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _taken(data: bytes, limits: TreeLimits) -> Made:
    return read(io.BytesIO(data), PackWriter(io.BytesIO()), limits)


def _limits(ship_toml: Path, settings: Mapping[str, str]) -> Limits:
    """What a push may bring on a server with this ship.toml."""
    lines = (f"{name} = {value}\n" for name, value in settings.items())
    ship_toml.parent.mkdir(parents=True, exist_ok=True)
    ship_toml.write_text("".join(("domain = 'ship.test'\n", *lines)))
    return Limits.of(msgspec.structs.asdict(records.read_toml(ship_toml, Server)))


def _sent(data: bytes, limits: Limits, folder: Path) -> Made:
    """What becomes of an archive on standard input."""
    (folder / "sent").write_bytes(data)
    with (folder / "sent").open("rb") as source, io.BytesIO() as target:
        from_archive._spool(source.fileno(), target, limits)
        return read(target, PackWriter(io.BytesIO()), limits.tree)


def _weighed(laptop: Checkout, limits: TreeLimits) -> ShipError | None:
    argv = ("/usr/bin/git", "cat-file", "--batch-command")
    program = Program(argv, laptop.environment, laptop.folder, shows="output")
    with Objects.asked(program) as objects:
        tree = weighing.read(objects, "HEAD", limits.entries)
        assert tree is not None
        return refusal(weighing.weigh(tree, objects), limits)


def _pipe(data: bytes) -> io.FileIO:
    read_end, write_end = os.pipe()
    os.write(write_end, data)
    os.close(write_end)
    return io.FileIO(read_end)
