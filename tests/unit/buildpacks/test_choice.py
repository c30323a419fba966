"""Which buildpack takes a tree, and what is said when none does."""

import pytest

from buildpacks import choose
from receiver.model.errors import BuildError
from tests.unit.trees import FACTS, FASTAPI, FLASK, PLAIN, LinkTo, tree

MANAGE = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site.settings')\n"


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"requirements.txt": "flask"}, "python"),
        (
            {"requirements.txt": LinkTo("deep/requirements.txt"), "deep/requirements.txt": ""},
            "python",
        ),
        ({"pyproject.toml": "", "index.html": ""}, "python"),
        ({"uv.lock": ""}, "python"),
        ({"poetry.lock": ""}, "python"),
        ({"setup.py": ""}, "python"),
        ({"manage.py": MANAGE}, "python"),
        ({"app.py": FLASK}, "python"),
        ({"app.py": PLAIN, "index.html": ""}, "python"),
        ({"src/blog/main.py": FASTAPI}, "python"),
        ({"bot.py": "", "Procfile": "worker: python bot.py"}, "python"),
        ({"requeriments.txt": "flask", "site.py": ""}, "python"),
        ({"index.html": "<p>"}, "static"),
        ({"index.html": "<p>", "tools.py": "print('no web application')"}, "static"),
        ({"index.html": "<p>", "Procfile": "worker: ./work"}, "static"),
        ({"public/index.html": "<p>"}, "static"),
        ({"dist/index.html": "<p>"}, "static"),
        ({"index.html": "<p>", "Procfile": "web: ./serve $PORT"}, "procfile"),
        ({"Procfile": "web: ./serve"}, "procfile"),
    ],
)
def test_fits(files: dict[str, str | bytes], name: str) -> None:
    found = choose(tree(files)).NAME
    assert found == name


@pytest.mark.parametrize(
    ("files", "seen", "advice"),
    [
        (
            {"README.md": "", "src/a.c": ""},
            "The top folder holds: README.md, src/.",
            "in the top folder",
        ),
        ({}, "nothing at all", "is committed"),
        ({"site/index.html": ""}, "site/", "in the top folder"),
        ({"indx.html": ""}, "indx.html", "Did you mean index.html, where indx.html is written?"),
        ({"procfile": "web: a"}, "procfile", "Did you mean Procfile, where procfile is written?"),
        ({"requeriments.txt": ""}, "requeriments.txt", "Did you mean requirements.txt, where"),
        ({f"file{n:02}": "" for n in range(40)}, "file29 and 10 more", "top folder"),
    ],
)
def test_nothing_fits(files: dict[str, str | bytes], seen: str, advice: str) -> None:
    with pytest.raises(BuildError) as refused:
        choose(tree(files))
    assert refused.value.reason == "build/no-buildpack"
    assert seen in refused.value.detail
    assert "requirements.txt" in refused.value.detail
    assert advice in refused.value.advice


@pytest.mark.parametrize(
    ("files", "static", "processes"),
    [
        ({"index.html": ""}, {"/": "."}, {}),
        ({"index.html": "", "public/index.html": ""}, {"/": "."}, {}),
        ({"public/index.html": "", "Procfile": "worker: ./w"}, {"/": "public"}, {"worker": "./w"}),
        ({"dist/index.html": ""}, {"/": "dist"}, {}),
    ],
)
def test_static_site(
    files: dict[str, str | bytes], static: dict[str, str], processes: dict[str, str]
) -> None:
    pushed = tree(files)
    plan = choose(pushed).plan(pushed, FACTS)
    assert (plan.static, plan.processes) == (static, processes)
    assert (plan.virtualenv is None) is not pushed.has("Procfile")


def test_site_that_is_source_only_says_so() -> None:
    pushed = tree({"index.html": "", "package.json": "{}"})
    assert "package.json is not run" in choose(pushed).plan(pushed, FACTS).notices[1]


@pytest.mark.parametrize(
    ("text", "notices"),
    [("web: ./serve", ()), ("worker: ./work", ("No web process: nothing will be served.",))],
)
def test_bare_procfile(text: str, notices: tuple[str, ...]) -> None:
    pushed = tree({"Procfile": text})
    plan = choose(pushed).plan(pushed, FACTS)
    assert plan.notices == notices
    assert plan.virtualenv
    assert plan.virtualenv.install == ()
    assert plan.commands == ()
