"""The app's own scripts around the build, `bin/pre_compile` and `bin/post_compile`, and what
their failures mean.
"""

import posixpath
import shlex

from receiver.model.build import Command, Tree
from receiver.model.errors import BuildError
from receiver.model.patterns import regex

PRE_COMPILE, POST_COMPILE = "bin/pre_compile", "bin/post_compile"
REASONS = {
    PRE_COMPILE: "build/pre-compile-failed",
    POST_COMPILE: "build/post-compile-failed",
}
IN_VENV = {
    "PATH": "{venv}/bin:/usr/local/bin:/usr/bin:/bin",
    "VIRTUAL_ENV": "{venv}",
}
"""What has a command find the programs and packages of the virtualenv."""
_RUN = 'chmod u+x "$1" && export BUILD_DIR="$PWD" CACHE_DIR="$HOME" && exec "./$1"'
"""Run whether or not git has it as a program; a script without a first line of its own is the
shell's."""
_NO_PROGRAM = regex(r"exec: \./bin/\w+: (?:not found|[Pp]ermission denied)")
_NO_ENV_PROGRAM = regex(r"env: \W?([\w./+-]+)\W?: No such file or directory")
_SHOWN_LINES = 20


def hook(tree: Tree, path: str, commit: str) -> tuple[Command, ...]:
    """The command that runs a hook; none where the tree has no such file.

    Raises:
        BuildError: its first line cannot be followed
    """
    if not tree.has(path):
        return ()
    first = _first_line(tree, path)
    if first.endswith(b"\r"):
        raise _windows_lines(path)
    program = first.removeprefix(b"#!").decode("utf-8", "replace").strip()
    env = {"SOURCE_VERSION": commit, **(IN_VENV if path == POST_COMPILE else {})}
    argv = ("/bin/sh", "-c", _RUN, "sh", path, program if first.startswith(b"#!") else "/bin/sh")
    return (Command(argv, title=f"Running {path} hook", env=env, explain=path),)


def explain_hook(command: Command, output: str) -> BuildError:
    """Why the hook of `command` ended the build."""
    path, program = command.argv[-2:]
    missing = _missing_program(program, output)
    said = "\n".join(output.strip().splitlines()[-_SHOWN_LINES:])
    if missing:
        return BuildError(
            f"{path} cannot be run: the server has no {missing}.",
            detail=f"Its first line is: #!{program}",
            advice="Name a program there that the server has, such as `#!/bin/bash` or"
            " `#!/usr/bin/env python`, then commit and push again.",
            reason=REASONS[path],
        )
    return BuildError(
        f"The app's own {path} failed.",
        detail=f"The end of its output:\n{said}" if said else "It wrote nothing.",
        advice="Correct it and push again. It runs in the top folder of the app, as the app's "
        "account,"
        " with its config vars.",
        reason=REASONS[path],
    )


def _missing_program(program: str, output: str) -> str:
    if found := _NO_ENV_PROGRAM.search(output):
        return found[1]
    words = program.split() or [program]
    return words[0] if _NO_PROGRAM.search(output) else ""


def _first_line(tree: Tree, path: str) -> bytes:
    first = tree.read(path).split(b"\n", 1)[0]
    return first if first.startswith(b"#!") else first.rstrip(b"\r")


def _windows_lines(path: str) -> BuildError:
    name = shlex.quote(path)
    folder = posixpath.dirname(path)
    return BuildError(
        f"{path} has Windows line endings, so that it cannot be run.",
        detail="Its first line names a program whose name would end with a carriage return.",
        advice=f"Convert them to LF, and keep git from changing them back:\n"
        f"  sed -i 's/\\r$//' {name}\n"
        f"  echo '{folder}/* text eol=lf' >> .gitattributes\n"
        f"  git add {name} .gitattributes && git commit -m 'Line ends of {path}'",
        reason="build/hook-line-ends",
    )
