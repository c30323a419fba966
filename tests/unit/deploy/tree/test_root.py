"""Which folder of a push is the app, and what of the push is built then."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from receiver.deploy.tree.opening import opened
from receiver.deploy.tree.root import find_root, without_cd
from receiver.model.build import Tree
from receiver.model.errors import BuildError
from receiver.model.output import Output
from receiver.model.weight import TreeLimits
from tests.unit.trees import FLASK, LinkTo, archive, tree

BACKEND = {"backend/app.py": FLASK, "backend/requirements.txt": "flask\n"}
FRONTEND = {"frontend/package.json": "{}", "frontend/index.html": "<h1>"}
ROOT = '[build]\nroot = "backend"\n'


def whole(files: Mapping[str, str | bytes]) -> dict[str, str | bytes]:
    """With an entry for each folder, as git writes them."""
    folders = {f"{name.rpartition('/')[0]}/": "" for name in files if "/" in name}
    return {**folders, **files}


def built(
    tmp_path: Path, files: Mapping[str, str | bytes], setting: str = ""
) -> tuple[dict[str, str], str]:
    """The files that are built, with their texts; and what the push says."""
    pushed, said = tmp_path / "1.tar", bytearray()
    pushed.write_bytes(archive(whole(files)))
    with opened(pushed, TreeLimits(1000, 10**6), Output(said.extend), setting=setting) as found:
        texts = _texts(found)
    with pushed.open("rb") as again:  # what is unpacked is what was looked at
        assert _texts(Tree(again)) == texts
    return texts, said.decode()


def _texts(found: Tree) -> dict[str, str]:
    return {name: found.read(name).decode() for name in found.members if found.has(name)}


def test_the_one_folder_with_an_app_and_its_packages_is_the_root(tmp_path: Path) -> None:
    texts, said = built(tmp_path, {**BACKEND, **FRONTEND, "README.md": "hi"})
    assert texts == {"app.py": FLASK, "requirements.txt": "flask\n"}
    assert "Root: backend/, the one folder with an app and its packages." in said
    assert '`[build]` with `root = "FOLDER"` in ship.toml' in said


@pytest.mark.parametrize(
    "files",
    [
        {**BACKEND, "requirements.txt": "flask"},
        {**BACKEND, "app.py": FLASK},
        {**BACKEND, "index.html": "<h1>"},
        {**BACKEND, "manage.py": ""},
        {**BACKEND, "Procfile": "web: cd backend && gunicorn app:app"},
        {**BACKEND, "Procfile": "web: gunicorn backend.app:app"},
        {**BACKEND, "pyproject.toml": "[project]\nname = 'x'\n"},
        {"backend/app.py": FLASK},
        {"backend/requirements.txt": "flask\n", "backend/tool.py": "print(1)\n"},
        {"tests/app.py": FLASK, "tests/requirements.txt": "flask\n"},
        {".hidden/app.py": FLASK, ".hidden/requirements.txt": "flask\n"},
        {"a/b/c/app.py": FLASK, "a/b/c/requirements.txt": "flask\n"},
    ],
)
def test_the_top_stays_the_root_where_it_can_be_meant(files: Mapping[str, str]) -> None:
    assert find_root(tree(files), "").folder == ""


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        ({**BACKEND, "pyproject.toml": "[tool.ruff]\nline-length = 100\n"}, "backend"),
        ({**BACKEND, "Procfile": "web: gunicorn app:app"}, "backend"),
        ({**BACKEND, "noxfile.py": "import nox\n", "runtime.txt": "python-3.12"}, "backend"),
        ({"apps/api/app.py": FLASK, "apps/api/uv.lock": "", "web/a.js": ""}, "apps/api"),
        (
            {**BACKEND, "backend/worker/app.py": FLASK, "backend/worker/requirements.txt": ""},
            "backend",
        ),
        ({"back/Procfile": "web: sh a.sh", "back/requirements.txt": "x"}, "back"),
    ],
)
def test_a_root_is_found_beside_what_says_nothing_of_the_app(
    files: Mapping[str, str], folder: str
) -> None:
    assert find_root(tree(files), "").folder == folder


def test_two_apps_are_not_chosen_between() -> None:
    with pytest.raises(BuildError) as refused:
        find_root(tree({**BACKEND, "api/main.py": FLASK, "api/requirements.txt": "flask"}), "")
    assert refused.value.reason == "build/several-roots"
    assert refused.value.detail == "They are: api, backend."
    assert 'root = "api"' in refused.value.advice
    assert "ship apps:set root=api" in refused.value.advice


def test_a_tree_is_taken_apart_for_folders_with_packages_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_into: list[str] = []
    below = Tree.below

    def counted(self: Tree, folder: str) -> Tree:
        looked_into.append(folder)
        return below(self, folder)

    monkeypatch.setattr(Tree, "below", counted)
    others = {f"data/{number}/x.txt": "" for number in range(50)}
    assert find_root(tree({**BACKEND, **others}), "").folder == "backend"
    assert looked_into == ["backend"]
    looked_into.clear()
    libraries = {f"libs/{number}/setup.py": "" for number in range(150)}
    assert find_root(tree(libraries), "").folder == ""
    assert len(looked_into) == 100


def test_a_root_is_named_by_ship_toml_and_files_of_the_top_count_there(tmp_path: Path) -> None:
    files = {
        **BACKEND,
        "ship.toml": ROOT,
        "requirements.txt": "django\n",
        "Procfile": "web: cd backend && gunicorn app:app\nworker: cd ./backend/; python w.py\n",
        "app.json": "{}",
        "runtime.txt": "python-3.12",
        "backend/runtime.txt": "python-3.11",
    }
    texts, said = built(tmp_path, files)
    assert texts == {
        "app.py": FLASK,
        "requirements.txt": "flask\n",
        "ship.toml": ROOT,
        "Procfile": "web: gunicorn app:app\nworker: python w.py\n",
        "app.json": "{}",
        "runtime.txt": "python-3.11",
    }
    assert "From the top folder: ship.toml, Procfile, app.json." in said
    assert "To choose another" not in said


def test_apps_set_goes_before_ship_toml(tmp_path: Path) -> None:
    files = {**BACKEND, "ship.toml": ROOT, "api/app.py": "other", "api/ship.toml": ""}
    texts, said = built(tmp_path, files, setting="api/")
    assert texts == {"app.py": "other", "ship.toml": ""}
    assert "Root: api/, set by `ship apps:set`." in said
    assert built(tmp_path, files, setting=".")[0]["ship.toml"] == ROOT


@pytest.mark.parametrize("named", ["bakend", "backend/app.py", "link"])
def test_a_root_that_is_no_folder_is_refused(named: str) -> None:
    pushed = tree(
        {**BACKEND, "ship.toml": f"[build]\nroot = '{named}'\n", "link": LinkTo("backend")}
    )
    with pytest.raises(BuildError) as refused:
        find_root(pushed, "")
    assert refused.value.reason == "build/root-not-found"
    assert "Folders at the top: backend" in refused.value.detail


@pytest.mark.parametrize("named", ["/srv", "../x", "a/../../b", "a/..", "~/x", "a\\nb"])
def test_a_root_leads_nowhere_but_into_the_tree(named: str) -> None:
    with pytest.raises(BuildError) as refused:
        find_root(tree({"ship.toml": f'[build]\nroot = "{named}"\n'}), "")
    assert refused.value.reason == "build/manifest-invalid"


def test_a_lent_link_is_taken_as_the_file_that_it_leads_to(tmp_path: Path) -> None:
    files = {**BACKEND, "ship.toml": ROOT, "Procfile": LinkTo("deploy/Procfile")}
    texts, _ = built(tmp_path, {**files, "deploy/Procfile": "web: gunicorn app:app\n"})
    assert texts["Procfile"] == "web: gunicorn app:app\n"


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("web: cd backend && gunicorn app:app", "web: gunicorn app:app"),
        ('web: cd "backend" && x', "web: x"),
        ("# cd backend && x", "# cd backend && x"),
        ("web: cd backend/api && x", "web: cd backend/api && x"),
        ("web: x && cd backend && y", "web: x && cd backend && y"),
    ],
)
def test_going_to_the_root_is_left_out_of_a_lent_procfile(line: str, left: str) -> None:
    assert without_cd(line.encode(), "backend").decode() == left
