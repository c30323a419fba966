"""Which Python is advised where a package has no wheel for the chosen one."""

import pytest

from buildpacks.python import plan
from receiver.building import other_pythons
from receiver.model.errors import BuildError
from receiver.model.source_build import NoWheelError
from tests.unit.trees import FACTS, PLAIN, tree

SAID = "  error: Failed to build `numpy==1.21.0`\n  cause: The build backend returned an error"


@pytest.mark.parametrize(
    ("reason", "said", "package"),
    [
        ("build/package-build-failed", SAID, "numpy==1.21.0"),
        (
            "build/package-build-failed",
            SAID.replace("build `", "download and build `"),
            "numpy==1.21.0",
        ),
        ("build/package-build-failed", "Failed to build `blog @ file:///srv/blog`", ""),
        ("build/network", SAID, ""),
    ],
)
def test_a_package_that_could_not_be_built(reason: str, said: str, package: str) -> None:
    error = BuildError("It failed.", advice="Ask for a newer one.", reason=reason)
    assert other_pythons.unbuilt(error, said) == package


def test_the_line_that_chooses_the_python() -> None:
    error = BuildError("It failed.", advice="Ask for a newer one.", reason="build/a")
    told = other_pythons.told(error, "numpy==1.21.0", "3.9", "`echo 3.9 > .python-version`")
    assert "`echo 3.9 > .python-version`, then commit and push again. Ask for" in told.advice
    question = other_pythons.question("numpy==1.21.0", "3.9")
    assert question.stdin == "numpy==1.21.0\n"
    assert question.argv[-5:-3] == ("--python-version", "3.9")


@pytest.mark.parametrize(
    ("others", "line"),
    [
        ({"3.11": "`echo 3.11 > .python-version`"}, "echo 3.11"),
        ({"3.13": "`echo 3.13 > .python-version`"}, ""),
        ({}, ""),
    ],
)
def test_a_python_with_a_wheel_is_advised_where_it_can_be_had(
    others: dict[str, str], line: str
) -> None:
    error = NoWheelError("odd==1", ["3.10", "3.11"], detail="")
    advice = other_pythons.with_line(error, others).advice
    assert "a Python that it was made for: 3.10, 3.11." in advice
    assert line in advice
    assert ("echo" in advice) == bool(line)


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({}, "`echo 3.11 > .python-version`"),
        ({"runtime.txt": "python-3.12.4"}, "`echo python-3.11 > runtime.txt`"),
    ],
)
def test_the_line_changes_the_file_that_decides(files: dict[str, str], line: str) -> None:
    chosen = plan(tree({"app.py": PLAIN, "requirements.txt": "", **files}), FACTS)
    assert chosen.virtualenv is not None
    assert chosen.virtualenv.others == {"3.11": line}
