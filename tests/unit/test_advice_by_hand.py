"""Advice that somebody follows by hand, each with what it takes to see that it works."""

import re

import pytest

from receiver.deploy.tree import refusals
from receiver.deploy.tree.refusals import refuse_unsafe
from receiver.model.classic import parse_release
from receiver.model.errors import BuildError
from tests.unit.trees import LinkTo, tree


def test_a_file_that_was_not_pushed_is_committed() -> None:
    with pytest.raises(BuildError) as refused:
        tree({"app.py": ""}).read("base.txt")
    assert refused.value.reason == "build/missing-file"
    assert refused.value.advice == "Commit it, and push again."
    assert tree({"app.py": "", "base.txt": "flask\n"}).read("base.txt") == b"flask\n"


def test_links_lead_to_files_and_not_to_other_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "_STEPS_FOLLOWED", 1000)
    with pytest.raises(BuildError) as refused:
        refuse_unsafe(tree({f"l{n}": LinkTo(f"l{n + 1}/" * 3) for n in range(60)}))
    assert refused.value.reason == "build/unsafe-tree"
    assert refused.value.advice == "Have links lead to files, and not to other links."
    refuse_unsafe(tree({"a.txt": "", **{f"l{n}": LinkTo("a.txt") for n in range(60)}}))


@pytest.mark.parametrize("said", ["web: bin/serve", "default_process_types: {web: bin/serve}"])
def test_a_buildpack_prints_the_yaml_of_the_advice(said: str) -> None:
    with pytest.raises(BuildError) as refused:
        parse_release("maker", said)
    assert refused.value.reason == "build/buildpack-release"
    (yaml,) = re.findall(r"YAML such as:\n(.*)", refused.value.advice, re.DOTALL)
    assert parse_release("maker", yaml).processes == {"web": "bin/serve"}
