"""Where files of the program itself are, which other programs are given or which are read as
data.
"""

from pathlib import Path

_RECEIVER = Path(__file__).parents[1]

CODE = _RECEIVER.parent
"""The folder from which `receiver` is imported."""
RUNTIME = _RECEIVER / "runtime"
"""What runs in an app's own Python."""
TEMPLATES = _RECEIVER / "templates"
HOOKS = CODE / "hooks"
"""git's hooks of every app's repository."""
HTTP_CONFIG = _RECEIVER / "push" / "http" / "gunicorn_conf.py"
"""gunicorn's settings for Ship's own application."""
KILLED_WORKERS = 75
"""Exit status of a gunicorn that had to kill workers when it ended; receiver/runtime/swap.py has
it too."""
