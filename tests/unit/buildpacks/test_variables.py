"""Which variables the code cannot do without, found without running it."""

import pytest

from buildpacks.python.variables import Wanted, wanted_variables
from tests.unit.trees import tree


def names(code: str, **config: str) -> list[str]:
    return [found.name for found in wanted_variables(tree({"settings.py": code}), config)]


@pytest.mark.parametrize(
    "code",
    [
        "import os\nX = os.environ['SECRET_KEY']",
        "from os import environ\nX = environ['SECRET_KEY']",
        "from decouple import config\nX = config('SECRET_KEY')",
        "from decouple import config\nX = config('SECRET_KEY', cast=str)",
        "import environ\nenv = environ.Env()\nX = env('SECRET_KEY')",
        "env = Env()\nX = env.str('SECRET_KEY')",
        "try:\n    import a\nexcept ImportError:\n    X = os.environ['SECRET_KEY']",
    ],
)
def test_a_read_without_a_default_is_found(code: str) -> None:
    assert names(code) == ["SECRET_KEY"]


@pytest.mark.parametrize(
    "code",
    [
        "X = os.environ.get('SECRET_KEY')",
        "X = os.getenv('SECRET_KEY', 'x')",
        "X = config('SECRET_KEY', default='x')",
        "X = config('SECRET_KEY', **options)",
        "X = env.str('SECRET_KEY', 'x')",
        "os.environ['SECRET_KEY'] = 'x'",
        "try:\n    X = os.environ['SECRET_KEY']\nexcept KeyError:\n    X = ''",
        "X = os.environ['PORT'] + os.environ['SHIP_STORAGE']",
        "X = config('not a variable')",
        "def broken(:",
    ],
)
def test_what_may_be_absent_is_not(code: str) -> None:
    assert names(code) == []


def test_what_is_set_is_not_told_and_each_name_once() -> None:
    code = "import os\na = os.environ['A']\nb = os.environ['B']\nc = os.environ['B']\n"
    assert wanted_variables(tree({"x.py": code}), {"A": ""}) == (Wanted("B", "x.py", 3),)


def test_tests_set_their_variables_themselves() -> None:
    code = "import os\nX = os.environ['ONLY_IN_TESTS']\n"
    files = dict.fromkeys(("tests/a.py", "test_b.py", "c_test.py", "conftest.py"), code)
    assert wanted_variables(tree(files), {}) == ()


def test_code_that_is_too_much_to_be_parsed_is_left_out() -> None:
    read = "import os\nos.environ['A']\n"
    long, deep = read + "#" * 600_000, "x = " + "-" * 50_000 + "1\n" + read
    assert wanted_variables(tree({"long.py": long, "deep.py": deep}), {}) == ()
    many = {f"m{n:02}.py": read.replace("A", f"A{n}") + "#" * 500_000 for n in range(40)}
    assert len(wanted_variables(tree(many), {})) == 33
