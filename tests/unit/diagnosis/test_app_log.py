"""Of an app's log, the part that tells of its last start."""

import pytest

from receiver.diagnosis.app_log import of_last_start

GAVE_UP = """\
Traceback (most recent call last):
  File "gunicorn/arbiter.py", line 233, in run
    self.sleep()
    ~~~~~~~~~~^^
gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "bin/gunicorn", line 8, in <module>
    sys.exit(run())
gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>
"""
RAISED = """\
Traceback (most recent call last):
  File "app.py", line 1, in <module>
    raise ValueError("mine")
ValueError: mine
"""
HUP = "[2026-01-01 10:00:00 +0000] [12] [INFO] Handling signal: hup"


@pytest.mark.parametrize(
    ("log", "kept"),
    [
        ("", ""),
        ("all of it\n", "all of it"),
        ("of before\nship: Starting v2.\nof now\n", "of now"),
        ("ship: Starting v1.\nold\nship: Starting v1.\nagain\n", "again"),
        (f"ship: Starting v1.\nserved for long\n{HUP}\nof the swap\n", "of the swap"),
        (
            f"{HUP}\n[2026-01-01 10:00:00 +0000] [12] [INFO] Booting worker with pid: 9\nhello\n",
            "hello",
        ),
        (
            "[2026-01-01 10:00:00 +0000] [12] [ERROR] Exception in worker process\n",
            "[2026-01-01 10:00:00 +0000] [12] [ERROR] Exception in worker process",
        ),
        (
            "an app that prints ship: Starting v2.\nand goes on\n",
            "an app that prints ship: Starting v2.\nand goes on",
        ),
        (f"{RAISED}{GAVE_UP}", RAISED.strip()),
        (f"said before\n{GAVE_UP}said after", "said before\nsaid after"),
        (
            (
                "ship: Starting v3.\nThe app answered /health with status 500.\n"
                "The app answered me.\n"
            ),
            "The app answered me.",
        ),
    ],
)
def test_what_is_kept(log: str, kept: str) -> None:
    assert of_last_start(log) == kept
