"""`poetry run` and its like before a command: left out, since the virtualenv comes first on its
PATH anyway.

The tools themselves are not installed for an app, and would make a virtualenv of their own.
"""

import re

from receiver.model.patterns import regex

FLAGS = frozenset(
    {"--frozen", "--locked", "--no-sync", "--no-dev", "--offline", "--quiet", "-q", "--"}
)
"""Options of theirs that say nothing about the command."""
_FLAG = "|".join(sorted(FLAGS, reverse=True))
_CALL = regex(
    r"(?P<before>(?:^|&&|\|\||[;|(])\s*(?:exec\s+)?(?:[A-Za-z_]\w*=\S*\s+)*)"
    rf"(?:poetry|pipenv|uv)\s+run\s+(?:(?:{_FLAG})\s+)*(?P<next>-m(?=\s)|[^\s-]\S*)"
)


def without_launcher(line: str) -> str:
    """The line of a Procfile without such words, wherever a command begins in it."""
    return _CALL.sub(_command, line.strip())


def _command(call: re.Match[str]) -> str:
    # uv runs a file or a module with Python
    needs_python = call["next"] == "-m" or call["next"].endswith(".py")
    return f"{call['before']}{'python ' if needs_python else ''}{call['next']}"
