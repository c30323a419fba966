"""Which Python is advised where a package has no wheel for the chosen one."""

import pytest

from receiver.building import other_pythons
from receiver.model.errors import BuildError

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
    told = other_pythons.told(error, "numpy==1.21.0", "3.9")
    assert "`echo 3.9 > .python-version`, then commit and push again. Ask for" in told.advice
    question = other_pythons.question("numpy==1.21.0", "3.9")
    assert question.stdin == "numpy==1.21.0\n"
    assert question.argv[-5:-3] == ("--python-version", "3.9")
