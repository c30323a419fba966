"""What .slugignore leaves out."""

from pathlib import Path

import pytest

from receiver.deploy.tree.opening import opened
from receiver.deploy.tree.slugignore import left_out, parse_slugignore
from receiver.model.errors import BuildError
from receiver.model.output import Output
from receiver.model.weight import TreeLimits
from tests.unit.trees import archive, tree

FILES = (
    "app.py", "README.md", "docs/index.md", "docs/img/a.psd", "blog/docs/b.md", "blog/app.py",
    "blog/art/c.psd", "docs.py", "art [1]/x", "a/b/c/d.txt", "a/d.txt", ".hidden/z",
)  # fmt: skip
PUSHED = tree(dict.fromkeys(FILES, "x"))


@pytest.mark.parametrize(
    ("line", "gone"),
    [
        ("*.psd", {"docs/img/a.psd", "blog/art/c.psd"}),
        ("docs", {"docs/index.md", "docs/img/a.psd", "blog/docs/b.md"}),
        ("docs/", {"docs/index.md", "docs/img/a.psd", "blog/docs/b.md"}),
        ("/docs", {"docs/index.md", "docs/img/a.psd"}),
        ("./docs/img", {"docs/img/a.psd"}),
        ("app.py/", set()),
        ("/app.py", {"app.py"}),
        ("/*.py", {"app.py", "docs.py"}),
        ("docs/*", {"docs/index.md", "docs/img/a.psd", "blog/docs/b.md"}),
        ("a/**/d.txt", {"a/b/c/d.txt", "a/d.txt"}),
        ("a/*/d.txt", set()),
        ("[ab]pp.p?", {"app.py", "blog/app.py"}),
        (".hidden", {".hidden/z"}),
        ("art [[]1]", {"art [1]/x"}),
        ("../app.py", set()),
        ("/", set()),
        ("# docs", set()),
        ("**", set(FILES)),
        ("*", set(FILES)),
    ],
)
def test_patterns(line: str, gone: set[str]) -> None:
    patterns, idle = parse_slugignore(f"\n  {line}  \r\n".encode())
    assert {name for name in left_out(PUSHED.members, patterns) if name in FILES} == gone
    assert idle == ()


def test_a_folder_goes_with_all_below_it() -> None:
    patterns, _ = parse_slugignore(b"docs")
    assert {"docs", "docs/img", "blog/docs"} <= left_out(PUSHED.members, patterns)


def test_nothing_is_brought_back() -> None:
    patterns, idle = parse_slugignore(b"docs\n!docs/index.md\n")
    assert "docs/index.md" in left_out(PUSHED.members, patterns)
    assert idle == ("!docs/index.md",)


def test_a_pattern_that_could_take_for_ever_does_not() -> None:
    patterns, _ = parse_slugignore(b"*a*a*a*a*a*a*a*a*a*a*a*b\n" + b"**/" * 60 + b"x\n")
    deep = tree({"a" * 200: "x", "/".join("y" * 60): "x"})
    assert left_out(deep.members, patterns) == frozenset()


def test_a_file_of_more_lines_than_anybody_writes_is_refused() -> None:
    with pytest.raises(BuildError) as refused:
        parse_slugignore(b"x\n" * 1001)
    assert refused.value.reason == "build/slugignore-too-long"


def test_patterns_and_files_that_are_too_many_together_are_refused(tmp_path: Path) -> None:
    names = {"/".join(f"d{n}" for _ in range(200)): "x" for n in range(30)}
    lines = "\n".join("a/" * 80 + str(n) for n in range(900))
    pushed = tmp_path / "1.tar"
    pushed.write_bytes(archive({".slugignore": lines, **names}))
    with (
        pytest.raises(BuildError) as refused,
        opened(pushed, TreeLimits(1000, 1000), Output(lambda _: None)),
    ):
        pass
    assert refused.value.reason == "build/slugignore-too-long"
    assert "the limit is 50,000,000" in refused.value.detail
