"""What `ship local` decides: which changes count, what is watched, what is shown, what is run,
when it is tried again."""

from pathlib import Path

import pytest

from buildpacks.python.packaging import contents
from receiver.diagnosis.pushed import Pushed
from receiver.local import working_tree
from receiver.local.build import Ready, Telling, Wish, rooted, variables
from receiver.local.changes import Stamp, Watch, is_news, meaning, plan_watches, shown
from receiver.local.crew import Rest
from receiver.local.formation import plan_local
from receiver.local.laptop import CheckoutPaths, app_name
from receiver.local.lines import Lines, for_here
from receiver.local.watch import Change, Watching
from receiver.machine.clock import SYSTEM_CLOCK
from receiver.model.build import Tree
from receiver.model.errors import BuildError, CheckError, UsageError
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.release import Release
from receiver.model.webserver import Command
from tests.unit.trees import tree

KNOWN = frozenset({"app.py", "data.json", "db.sqlite3", "templates/a.txt"})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("app.py", "code"),
        ("new.py", "code"),
        ("data.json", "code"),
        ("templates/a.txt", "code"),
        ("new.json", "nothing"),
        ("uploads/cat.jpg", "nothing"),
        ("db.sqlite3", "nothing"),
        ("db.sqlite3-journal", "nothing"),
        ("app.log", "nothing"),
        (".app.py.swp", "nothing"),
        ("app.py~", "nothing"),
        ("4913", "nothing"),
        ("requirements.txt", "build"),
        ("requirements/base.txt", "build"),
        ("uv.lock", "build"),
        ("Procfile", "build"),
        ("backend/Procfile", "build"),
        (".env", "build"),
        (".env.other", "nothing"),
    ],
)
def test_what_a_changed_file_means(path: str, expected: str) -> None:
    assert meaning(path, KNOWN, {".env"}) == expected


def test_what_is_told_late_of_a_file_that_was_looked_at_is_no_news() -> None:
    before = {"app.py": Stamp(1, 0o644, 10, 1_000)}
    edited = {"app.py": Stamp(1, 0o644, 10, 2_000)}
    assert not is_news("app.py", before, before)
    assert is_news("app.py", before, edited)
    assert is_news("new.py", before, before | {"new.py": Stamp(2, 0o644, 0, 1_000)})
    assert is_news("app.py", before, {})
    assert is_news(".env", before, before)  # git ignores it, so nobody looked


def test_a_change_that_the_system_tells_late_counts_at_the_look_that_saw_it(tmp_path: Path) -> None:
    wish = Wish(top=tmp_path, in_git=False, env_files=(), env_named=False)
    watching = Watching(wish, SYSTEM_CLOCK, lambda _: None, lambda: None)
    first = {"app.py": Stamp(1, 0o644, 10, 1_000), "requirements.txt": Stamp(2, 0o644, 0, 1_000)}
    try:
        watching.watch(first)
        edited = first | {"requirements.txt": Stamp(2, 0o644, 9, 2_000)}
        told = edited | {"app.py": Stamp(1, 0o644, 10, 2_000)}
        change = watching.judge({"app.py"}, told)
        assert change == Change(frozenset(first), build=True)
        watching.watch(told)
        assert not watching.judge({"requirements.txt"}, told).files
        gone = watching.judge([], {"app.py": told["app.py"]})
        assert gone == Change(frozenset({"requirements.txt"}), build=True)
    finally:
        watching.close()


def test_watches_stay_out_of_large_folders_that_are_ignored() -> None:
    paths = ["app.py", "web/views.py", "web/deep/x.py", "front/src/a.js", "front/index.html"]
    ignored = [".venv", "front/node_modules", "web/__pycache__"]
    assert plan_watches(paths, ignored) == [
        Watch("", whole=False),
        Watch("front", whole=False),
        Watch("front/src", whole=True),
        Watch("web", whole=True),
    ]


def test_changes_are_told_in_a_few_words() -> None:
    assert shown({"app.py"}) == "app.py"
    assert shown({"b.py", "a.py", "c.py"}) == "a.py and 2 more"


def test_lines_show_the_developers_own_places_and_not_what_servers_say_of_themselves() -> None:
    lines = Lines("/a/.ship/run/7/release/source", "/a")
    assert lines.take(b"[2026-01-01 00:00:00 +0000] [7] [INFO] Booting worker with pid: 8") == []
    assert lines.take(b"ship: Starting v3.") == []
    assert lines.take(b"Traceback (most recent call last):") == []
    assert lines.take(b'  File "/a/.ship/run/7/release/source/app.py", line 1') == []
    assert lines.take(b"ValueError: x") == [
        b"Traceback (most recent call last):",
        b'  File "/a/app.py", line 1',
        b"ValueError: x",
    ]
    for line in (
        b"Traceback (most recent call last):",
        b"  File x",
        (b"gunicorn.errors.HaltServer: <x>"),
        b"",
        b"During handling of the above exception, another exception occurred:",
        b"",
    ):
        assert lines.take(line) == []
    assert lines.take(b"[2026-01-01] [INFO] mine") == [b"[2026-01-01] [INFO] mine"]
    assert lines.take(b"Traceback (most recent call last):") == []
    assert lines.rest() == [b"Traceback (most recent call last):"]


def test_advice_is_for_one_who_saves_a_file() -> None:
    error = CheckError(
        "x", advice="Correct the line and push again. Or `ship config:set A=b`, then push again."
    )
    assert for_here(error).advice == (
        "Correct the line. Or `ship config:set A=b`.\nHere, put it into the file .env."
    )


def release(*types: str) -> Release:
    return Release(
        version=1,
        app="demo",
        commit="",
        description="",
        by="",
        created_at="",
        buildpack="procfile",
        python=None,
        venv=None,
        lines=dict.fromkeys(types, "run it"),
        processes={name: Command(command="run it") for name in types},
    )


def test_one_of_each_type_is_run_unless_somebody_says_otherwise() -> None:
    app = release("web", "worker", "clock", "release")
    web, formation = plan_local(app, (), {"worker": 3})
    assert web
    assert {name: group.count for name, group in formation.items()} == {"worker": 3, "clock": 1}
    web, formation = plan_local(app, ("worker",), {})
    assert not web
    assert list(formation) == ["worker"]
    assert plan_local(app, (), {"web": 0})[0] is False


@pytest.mark.parametrize("types", [("nosuch",), ("release",)])
def test_a_type_that_does_not_go_on_is_refused(types: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as raised:
        plan_local(release("web", "release"), types, {})
    assert raised.value.reason == "usage/no-process"


def test_an_app_without_a_process_is_refused() -> None:
    with pytest.raises(UsageError, match="There is no process to run"):
        plan_local(release("release"), (), {})


def test_quick_ends_are_tried_again_less_and_less_often() -> None:
    rest = Rest()
    waits, now = [], 1000.0
    for _ in range(8):
        rest.starts(now)
        waits.append(rest.ended(now + 1))
        now += 2
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    rest.starts(now)
    assert rest.ended(now + 100) == 1


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("blog", "blog"),
        ("My Shop_2", "my-shop-2"),
        ("2024-site", "site"),
        ("ship", "app"),
        ("日本", "app"),
    ],
)
def test_an_app_without_a_remote_is_called_like_its_folder(folder: str, name: str) -> None:
    assert app_name(folder) == name


def test_a_transcript_is_shown_again_only_when_it_says_something_new() -> None:
    def told(last: str, *chunks: bytes) -> tuple[bytes, str]:
        seen = bytearray()
        telling = Telling(seen.extend, last)
        for chunk in chunks:
            telling.take(chunk)
        return bytes(seen), telling.close()

    first, text = told("", b"-----> One\n")
    assert (first, text) == (b"-----> One\n", "-----> One\n")
    assert told(text, b"-----> One\n")[0] == b""
    assert told(text, b"-----> One\n", b"-----> Installing x\n")[0] == (
        b"-----> One\n-----> Installing x\n"
    )


def test_a_folder_is_read_as_an_archive_would_be(tmp_path: Path) -> None:
    for name in ("app.py", "sub/mod.py", "venv/pyvenv.cfg", "venv/lib/x.py", "node_modules/a.js"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link.py").symlink_to("sub/mod.py")
    tree = working_tree.read(tmp_path, in_git=False)
    assert tree.names() == ["app.py", "link.py", "sub/"]
    assert sorted(tree.files()) == ["app.py", "sub/mod.py"]
    assert tree.read("link.py") == b"sub/mod.py"
    assert tree.has_folder("sub")
    tree.stand_in("Procfile", "app.py")
    assert tree.read("Procfile") == b"app.py"


def test_the_app_in_a_folder_runs_from_there(tmp_path: Path) -> None:
    texts = {
        "backend/app.py": "from flask import Flask\napp = Flask(__name__)\n",
        "backend/requirements.txt": "flask\n",
        "ship.toml": "[build]\nroot = 'backend'\n",
        "Procfile": "web: cd backend && gunicorn app:app\n",
        "Procfile.dev": "web: python app.py\n",
        "frontend/a.js": "",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    paths = CheckoutPaths(AppName("blog"), tmp_path / ".ship", tmp_path / ".ship/run", tmp_path)
    paths.running.home.mkdir(parents=True)

    def tree(procfile: str) -> Tree:
        wish = Wish(top=tmp_path, in_git=False, env_files=(), env_named=False, procfile=procfile)
        whole = working_tree.read(tmp_path, in_git=False)
        return rooted(paths, wish, whole, Output(said.extend))

    said = bytearray()
    found = tree("Procfile")
    assert found.read("Procfile") == b"web: gunicorn app:app\n"
    assert sorted(found.names()) == ["Procfile", "app.py", "requirements.txt", "ship.toml"]
    assert found.read("requirements.txt") == b"flask\n"
    assert paths.running.source.resolve() == tmp_path / "backend"
    assert b"Root: backend/, by [build] root of ship.toml." in said
    assert tree("Procfile.dev").read("Procfile") == b"web: python app.py\n"


def test_what_is_installed_from_a_folder_has_the_digest_that_a_push_has(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/setup.py").write_text("from setuptools import setup\nsetup()\n")
    checkout = working_tree.WorkingTree(tmp_path, ["lib/setup.py"])
    pushed = tree({"lib/setup.py": "from setuptools import setup\nsetup()\n"})
    assert contents(checkout, "lib") == contents(pushed, "lib")
    before = contents(checkout, "lib")
    (tmp_path / "lib/setup.py").unlink()  # it went away meanwhile
    assert contents(checkout, "lib") != before


@pytest.mark.parametrize(("config", "seen"), [({}, ""), ({"PYTHONPATH": "src"}, "src:")])
def test_a_command_finds_the_modules_of_the_checkout(
    config: dict[str, str], seen: str, tmp_path: Path
) -> None:
    paths = CheckoutPaths(AppName("blog"), tmp_path, tmp_path / "run", tmp_path)
    ready = Ready(release=release("web"), config=config, pushed=Pushed())
    assert variables(paths, ready, {})["PYTHONPATH"] == f"{seen}{paths.running.source}"


def test_a_file_that_is_nested_too_deeply_is_told_as_of_a_push(tmp_path: Path) -> None:
    (tmp_path / "ship.toml").write_text(f"web = {'[' * 5000}\n")
    paths = CheckoutPaths(AppName("blog"), tmp_path / ".ship", tmp_path / ".ship/run", tmp_path)
    wish = Wish(top=tmp_path, in_git=False, env_files=(), env_named=False)
    with pytest.raises(BuildError) as refused:
        rooted(paths, wish, working_tree.read(tmp_path, in_git=False), Output(len))
    assert refused.value.reason == "build/nested-too-deeply"
