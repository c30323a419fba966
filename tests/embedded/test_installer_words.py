"""What installer.sh makes of words that cannot be meant: it ends, at once, and says why."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.embedded
INSTALLER = Path(__file__).parents[2] / "installer.sh"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        *(
            (words, f"The option {option} needs a value.")
            for option in ("--domain", "--key", "--root")
            for words in (
                [option],
                [option, ""],
                [f"{option}="],
                [option, "--http"],
                [option, "-h"],
            )
        ),
        (["--demo", "--root"], "The option --root needs a value."),
        (["--uninstall", "--key"], "The option --key needs a value."),
        (["example.com"], "There is no option example.com."),
        (["--domian=example.com"], "There is no option --domian=example.com."),
        ([""], "There is no option ."),
    ],
)
def test_words_that_cannot_be_meant_end_it(words: list[str], told: str) -> None:
    done = subprocess.run(
        ("bash", INSTALLER, *words), capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f" !     {told}\n")
    assert len(done.stderr.splitlines()) <= 5
    assert done.stdout == ""
