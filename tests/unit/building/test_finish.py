"""How a virtualenv is finished: links that follow the release, and what is imported without being
asked for."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from receiver.model.program import RUNTIME


@pytest.fixture(scope="module")
def finish() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ship_finish", RUNTIME / "finish.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    package = tmp_path / "tree" / "src" / "blog"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    return tmp_path / "tree"


@pytest.mark.parametrize(
    ("files", "roots"),
    [
        ({"__editable__.blog-1.pth": "TREE/src\n"}, ["src"]),
        ({"_editable_impl_blog.pth": "TREE"}, ["."]),
        (
            {
                "__editable__.blog-1.pth": "import __editable___blog_1_finder; x.install()",
                "__editable___blog_1_finder.py": "MAPPING = {'blog': 'TREE/src/blog'}\n"
                "NAMESPACES = {'blog.pages': ['TREE/src/blog/pages']}\n",
            },
            ["src"],
        ),
        ({"a.pth": "TREE/src\n", "b.pth": "TREE/src\nTREE/lib\n"}, ["src", "src", "lib"]),
        ({"distutils-precedence.pth": "import os; x", "other.pth": "TREE-2/src"}, []),
    ],
)
def test_links_into_the_tree_follow_the_release(
    finish: ModuleType, tree: Path, files: Mapping[str, str], roots: list[str]
) -> None:
    packages = tree.parent / "packages"
    packages.mkdir()
    for name, text in files.items():
        (packages / name).write_text(text.replace("TREE", str(tree)))
    for _ in range(2):  # as in a copy of the last virtualenv
        finish.follow(str(packages), str(tree))
    lines = [
        line for path in sorted(packages.glob("*.pth")) for line in path.read_text().splitlines()
    ]
    followed = [line for line in lines if "SHIP_TREE" in line]
    assert [line.rpartition(", '")[2].partition("'")[0] for line in followed] == roots
    assert not any(line.startswith(f"{tree}/") or line == str(tree) for line in lines)
    assert len(lines) == (len(roots) or 2)


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("old/util.py", "import os\nimport pkg_resources\n", True),
        ("old.py", "from pkg_resources import require\n", True),
        ("old/__init__.py", "__import__('pkg_resources').declare_namespace(__name__)\n", True),
        ("old/util.py", "try:\n    import pkg_resources\nexcept ImportError:\n    pass\n", False),
        ("old/tests/a.py", "import pkg_resources\n", False),
        ("setuptools/a.py", "import pkg_resources\n", False),
        ("old/a.txt", "import pkg_resources\n", False),
    ],
)
def test_packages_that_import_pkg_resources(
    finish: ModuleType, tmp_path: Path, path: str, text: str, *, found: bool
) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    assert [name.removesuffix(".py") for name in finish.importers(str(tmp_path))] == ["old"] * found
