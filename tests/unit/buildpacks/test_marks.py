"""What the one walk through an app's sources finds, and what it leaves unread."""

import pytest

from buildpacks.python import marks
from buildpacks.python.gunicorn_file import file_notices, worker_class
from buildpacks.python.leftout import installs_itself, pkg_resources
from buildpacks.python.sessions import one_process
from receiver.model.build import Tree
from tests.unit.trees import LinkTo, tree

_LATIN = b"# \xe9\nprint 'two'\nimport pkg_resources\n"


def test_sources_that_python_3_cannot_read_are_looked_through() -> None:
    assert pkg_resources(tree({"lib/old.py": _LATIN}), {}) == ("setuptools<82",)


def test_what_is_larger_than_people_write_is_not_read() -> None:
    padded = b"import pkg_resources, os\nos.environ['PORT']\n" + b"#" * marks.MOST_FILE_BYTES
    pushed = tree({"data.py": padded})
    assert not pkg_resources(pushed, {})
    assert not marks.reads_port(pushed)


def test_of_many_files_those_near_the_top_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "MOST_FILES", 2)
    near = {"a/b.py": "", "app.py": "from flask_socketio import SocketIO\n"}
    assert one_process(tree({"a/deep/c.py": "", **near})) is not None
    assert one_process(tree({"a.py": "", "b.py": "", "c/app.py": near["app.py"]})) is None


def test_no_more_bytes_are_read_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "MOST_BYTES", 30)
    assert not marks.reads_port(tree({"a.py": "#" * 29, "b.py": "os.environ['PORT']"}))
    assert marks.reads_port(tree({"a.py": "#" * 9, "b.py": "os.environ['PORT']"}))


def test_a_tree_is_walked_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    peek = Tree.peek

    def counted(self: Tree, path: str, most_bytes: int) -> bytes | None:
        read.append(path)
        return peek(self, path, most_bytes)

    monkeypatch.setattr(Tree, "peek", counted)
    pushed = tree({"app.py": "x = 1\n"})
    pkg_resources(pushed, {})
    one_process(pushed)
    marks.reads_port(pushed)
    assert read == ["app.py"]


def test_tests_say_nothing_of_what_the_process_keeps() -> None:
    assert one_process(tree({"tests/live.py": "from nicegui import ui\n"})) is None


@pytest.mark.parametrize("target", ["conf", "nowhere.py", "large.py"])
def test_a_gunicorn_file_that_leads_to_no_source_is_passed_over(target: str) -> None:
    large = b"#" * (5 * 1024 * 1024)
    pushed = tree({"conf/": "", "large.py": large, "gunicorn.conf.py": LinkTo(target)})
    assert list(file_notices(pushed, "gunicorn.conf.py")) == []
    assert worker_class(pushed, "gunicorn.conf.py") == ""
    assert worker_class(pushed, "conf") == ""


def test_a_hook_that_leads_to_a_large_file_installs_nothing() -> None:
    large = b"pip install x\n" * 400_000
    assert installs_itself(tree({"large": large, "bin/post_compile": LinkTo("../large")}), {}) == ""


def test_long_values_of_a_gunicorn_file_are_not_shown() -> None:
    # deeper than what can be written out again, and no setting of ours
    conf = f"reload = [{'1, ' * 90}]\nnested = {'(-' * 60}1{')' * 60}\nbind = f'0.0.0.0:{{PORT}}'\n"
    assert list(file_notices(tree({"gunicorn.conf.py": conf}), "gunicorn.conf.py")) == [
        "`reload = ...` of gunicorn.conf.py is ignored: code changes by a push only."
    ]
