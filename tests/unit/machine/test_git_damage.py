"""Which branch a damaged repository deploys, once it is repaired."""

import subprocess
from pathlib import Path

import pytest

from receiver.machine import git, git_damage

ID = "1" * 40


@pytest.mark.parametrize(
    ("head", "loose", "packed", "branch"),
    [
        ("ref: refs/", ["trunk"], [], "trunk"),
        ("ref: refs/heads/tru", ["trunk"], [], "trunk"),
        ("ref: refs/heads/tru", [], ["trunk"], "trunk"),
        ("ref: refs/heads/team/blog", ["team/blog"], ["other"], "team/blog"),
        ("ref: refs/heads/team/blog", ["other"], ["team/blog"], "team/blog"),
        ("ref: refs/heads/trunk", [], [], "trunk"),
        ("", ["one", "two"], [], "main"),
    ],
)
def test_it_is_the_one_that_is_named_unless_that_was_cut_short(
    tmp_path: Path, head: str, loose: list[str], packed: list[str], branch: str
) -> None:
    repo, hooks = tmp_path / "blog.git", tmp_path / "hooks"
    subprocess.run(("git", "init", "-q", "--bare", str(repo)), check=True)
    for name in loose:
        path = repo / "refs" / "heads" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{ID}\n")
    lines = [
        "# pack-refs with: peeled fully-peeled sorted",
        *(f"{ID} refs/heads/{n}" for n in packed),
    ]
    (repo / "packed-refs").write_text("\n".join(lines) + "\n")
    (repo / "HEAD").write_text(head)
    (repo / "config").write_text("[core")
    told = git_damage.repaired(repo, hooks)
    assert told is not None
    assert git.head_branch(repo) == branch
