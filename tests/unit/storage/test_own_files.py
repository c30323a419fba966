"""What of a release's tree is the app's own, by a tree on disk and the slug that it came from; and
what of it is put aside when that goes.
"""

import importlib
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from receiver.model.layout import ReleasePaths
from receiver.model.program import RUNTIME
from receiver.storage import own_files
from tests.unit.trees import archive

CODE = {"app.py": "code", "static/site.css": "css", "media/.gitkeep": "", "seed.sqlite3": "SQLite"}


@pytest.fixture
def home(tmp_path: Path) -> ReleasePaths:
    return built(tmp_path / "v1")


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The program that changes trees and storages, as the app's account runs it."""
    monkeypatch.syspath_prepend(str(RUNTIME))
    yield importlib.import_module("storage")
    for name in ("storage", "storage_equal", "storage_files"):
        sys.modules.pop(name, None)


def built(folder: Path, code: Mapping[str, str] = CODE) -> ReleasePaths:
    """A release, unpacked a moment ago."""
    home = ReleasePaths(folder)
    home.source.mkdir(parents=True)
    home.slug.write_bytes(archive(code))
    home.env.write_text("{}")
    for name, text in code.items():
        write(home, name, text)
        os.utime(home.source / name, (0, 0))  # as archive has it
    home.built.touch()
    time.sleep(0.02)  # the clock of files counts in steps of up to 10 ms
    return home


def write(home: ReleasePaths, name: str, text: str = "of the app") -> Path:
    path = home.source / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def found(home: ReleasePaths, *mounts: str) -> dict[str, own_files.Own]:
    return {it.path: it for it in own_files.find(home, mounts)}


def test_a_tree_as_it_was_built_has_nothing_of_the_app(home: ReleasePaths) -> None:
    write(home, "__pycache__/app.cpython-311.pyc")
    write(home, "__pycache__/app.cpython-311.pyc.140233")
    assert not own_files.has_any(home)
    assert found(home) == {}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("data/a/b/1", "data"),
        ("static/uploads/deep/1", "static/uploads"),
        ("static/other.css", "static/other.css"),
        ("media/cat.png", "media"),
        ("secret.key", "secret.key"),
        (".cache/index", ".cache"),
        ("node_modules/x/y.js", "node_modules"),
        ("state.lock", "state.lock"),
        ("__pycache__/notes", "__pycache__/notes"),
        ("seed.sqlite3-wal", "seed.sqlite3"),
        ("/".join(f"d{n}" for n in range(300)) + "/deep", "d0"),
    ],
)
def test_what_is_told_is_the_topmost_that_the_build_did_not_have(
    home: ReleasePaths, written: str, told: str
) -> None:
    write(home, written)
    assert own_files.has_any(home)
    assert list(found(home)) == [told]


def test_files_of_one_folder_are_one(home: ReleasePaths) -> None:
    for number in range(2500):
        write(home, f"data/{number % 7}/{number}", "12345678")
    assert found(home)["data"][1:4] == (20_000, 2500, True)


def test_a_file_of_the_build_is_told_by_its_bytes_whatever_time_it_bears(
    home: ReleasePaths,
) -> None:
    write(home, "app.py", "CODE")
    os.utime(home.source / "app.py", (0, 0))
    (home.source / "static/site.css").chmod(0o600)
    write(home, "seed.sqlite3", "SQLite and more")
    own = found(home)
    assert {path: it.as_large for path, it in own.items()} == {
        "app.py": True,
        "static/site.css": True,
        "seed.sqlite3": False,
    }
    assert own["app.py"].as_old
    digests = own_files.digests(home, ["app.py", "static/site.css"])
    assert len(set(digests.values())) == 2


def test_what_was_written_after_the_clock_was_put_back_is_found(home: ReleasePaths) -> None:
    later = time.time() + 3600
    for path in (home.env, home.built):
        os.utime(path, (later, later))
    write(home, "data/1")
    assert own_files.has_any(home)
    assert [path for path, it in found(home).items() if not it.as_large] == ["data"]


def test_a_tree_whose_time_was_not_noted_is_looked_through(home: ReleasePaths) -> None:
    home.built.unlink()
    write(home, "data/1")
    assert own_files.has_any(home)
    assert [path for path, it in found(home).items() if not it.as_large] == ["data"]
    shutil.rmtree(home.source)
    assert not own_files.has_any(home)


def test_around_a_mount_files_are_told_by_themselves(home: ReleasePaths) -> None:
    write(home, "data/own")
    (home.source / "data/uploads").symlink_to("/nowhere")
    assert list(found(home, "data/uploads")) == ["data/own"]


def test_no_link_of_the_app_is_followed(home: ReleasePaths, tmp_path: Path) -> None:
    (tmp_path / "elsewhere/static").mkdir(parents=True)
    (tmp_path / "elsewhere/static/secret").write_text("of others")
    shutil.rmtree(home.source / "static")
    (home.source / "static").symlink_to(tmp_path / "elsewhere/static")
    (home.source / "data").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(home.source / "pipe")
    assert found(home) == {}


def test_a_release_whose_slug_is_gone_loses_nothing(home: ReleasePaths) -> None:
    home.slug.unlink()
    write(home, "data/1")
    assert list(found(home)) == ["data/1"]


def test_only_what_is_equal_byte_for_byte_is_dropped(
    home: ReleasePaths, storage: ModuleType, tmp_path: Path
) -> None:
    live = built(tmp_path / "v2")
    for name in ("secret.key", "data/index", "data/same", "collected/a.css", "static/settings"):
        write(home, name, "old")
        write(live, name, "new" if "same" not in name and "collected" not in name else "old")
    write(home, "app.py", "CODE")
    (home.source / "seed.sqlite3").chmod(0o600)
    kept = rescue(storage, home, live)["kept"]
    assert sorted(kept) == ["app.py", "data", "secret.key", "static/settings"]
    aside = tmp_path / "storage/rescued/v1"
    assert (aside / "secret.key").read_text() == (aside / "data/index").read_text() == "old"
    assert rescue(storage, home, live)["kept"] == []


def test_a_link_of_the_live_release_into_the_old_one_is_no_copy(
    home: ReleasePaths, storage: ModuleType, tmp_path: Path
) -> None:
    live = built(tmp_path / "v2")
    write(home, "static/upload", "old")
    shutil.rmtree(live.source / "static")
    (live.source / "static").symlink_to(home.source / "static")
    write(home, "data/1", "old")
    (live.source / "data").symlink_to(home.source / "data")
    assert sorted(rescue(storage, home, live)["kept"]) == ["data", "static/upload"]


def test_a_database_goes_with_what_lies_beside_it(
    home: ReleasePaths, storage: ModuleType, tmp_path: Path
) -> None:
    """Of a database of the code in WAL mode, all that was written may lie in the log alone."""
    write(home, "seed.sqlite3-wal", "rows")
    write(home, "seed.sqlite3-shm", "index")
    assert rescue(storage, home, built(tmp_path / "v2"))["kept"] == ["seed.sqlite3"]
    aside = tmp_path / "storage/rescued/v1"
    assert sorted(each.name for each in aside.iterdir()) == [
        f"seed.sqlite3{ending}" for ending in ("", "-shm", "-wal")
    ]


def test_what_is_too_much_to_be_compared_is_kept(
    home: ReleasePaths, storage: ModuleType, tmp_path: Path
) -> None:
    live = built(tmp_path / "v2")
    for each in (home, live):
        os.truncate(write(each, "large"), 2**40)  # sparse: read in whole, it would take minutes
    assert rescue(storage, home, live)["kept"] == ["large"]


def test_a_full_disk_leaves_everything_where_it_is(
    home: ReleasePaths, storage: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home, "data/1")
    monkeypatch.setattr(storage, "copy_over", no_space)
    monkeypatch.setattr(storage.os, "rename", other_disk)
    with pytest.raises(OSError, match="No space"):
        rescue(storage, home, built(tmp_path / "v2"))
    assert (home.source / "data/1").exists()


def test_another_disk_takes_a_whole_copy(
    home: ReleasePaths, storage: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home, "data/1")
    there = tmp_path / "there"
    rename = os.rename
    monkeypatch.setattr(
        storage.os, "rename", lambda a, b: rename(a, b) if "incoming" in a else other_disk()
    )
    storage.move(str(home.source / "data"), str(there))
    assert (there / "1").read_text() == "of the app"
    assert not (home.source / "data").exists()


@pytest.mark.parametrize("cut", range(4))
def test_cut_off_at_any_rename_it_goes_on_the_next_time(
    home: ReleasePaths,
    storage: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cut: int,
) -> None:
    """As by a power cut, which leaves what was done before."""
    live, rename, left = built(tmp_path / "v2"), os.rename, iter(range(cut))

    def cut_off(here: str, there: str) -> None:
        if next(left, None) is None:
            raise SystemExit
        rename(here, there)

    for name in ("data/1", "seed.sqlite3-wal", "seed.sqlite3-journal", "secret.key"):
        write(home, name)
    monkeypatch.setattr(storage.os, "rename", cut_off)
    with pytest.raises(SystemExit):
        rescue(storage, home, live)
    monkeypatch.setattr(storage.os, "rename", rename)
    rescue(storage, home, live)
    aside = tmp_path / "storage/rescued/v1"
    assert sorted(each.name for each in aside.iterdir()) == [
        "data", "secret.key", "seed.sqlite3", "seed.sqlite3-journal", "seed.sqlite3-wal",
    ]  # fmt: skip


def test_what_was_put_aside_stays_a_week_and_the_newest_for_good(
    home: ReleasePaths, storage: ModuleType, tmp_path: Path
) -> None:
    aside = tmp_path / "storage/rescued"
    for label, age_s in {"v4": 9000, "v5": 10, "v6": 9000, "v12": 9000, "v20": 9000}.items():
        (aside / label).mkdir(parents=True)
        os.utime(aside / label, (time.time() - age_s,) * 2)
    write(home, "data/1")
    assert rescue(storage, home, built(tmp_path / "v2"))["kept"] == ["data"]
    assert {each.name for each in aside.iterdir()} == {"v1", "v5", "v6", "v12", "v20"}


def no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


def other_disk(*_: object) -> None:
    raise OSError(18, "Invalid cross-device link")


def rescue(storage: ModuleType, home: ReleasePaths, live: ReleasePaths) -> dict[str, list[str]]:
    own = own_files.find(home, ())
    digests = own_files.digests(home, [it.path for it in own if it.as_large])
    answer: dict[str, list[str]] = storage.rescue(
        source=str(home.source),
        live=str(live.source),
        storage=str(home.home.parent / "storage"),
        label=home.home.name,
        items=[
            {"path": it.path, "folder": it.folder, "digest": digests.get(it.path)} for it in own
        ],
        keep={"newest": 3, "seconds": 3600},
    )
    return answer
