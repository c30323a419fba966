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
