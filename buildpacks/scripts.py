"""Scripts that a Procfile calls: whether they can be run as git has them. Pure."""

import posixpath
from collections.abc import Mapping

from receiver.model.build import Tree
from receiver.model.errors import BuildError
from receiver.model.patterns import regex

_SHELLS = frozenset({"sh", "bash", "dash", "exec"})
_WORD = regex(r"\S+")
_MOST_BYTES = 256 * 1024
_EXECUTABLE = 0o111
_SHEBANG = regex(rb"#!\s*(?:/usr/bin/env\s+)?(\S+)")


def runnable(tree: Tree, lines: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The lines, with scripts that are not executable run by their interpreters, and what is told
    of it.

    Raises:
        BuildError: a script has Windows line endings
    """
    kept, notices = dict(lines), list[str]()
    for name, line in lines.items():
        found = _script(tree, line)
        if found is None:
            continue
        path, word, called = found
        code = tree.read(path)
        if b"\0" in code:
            continue  # a compiled program
        if _has_windows_lines(code):
            raise _windows_lines(path, name)
        if called and not tree.members[path].mode & _EXECUTABLE:
            program = _interpreter(code)
            kept[name] = line.replace(word, f"{program} {word.removeprefix('./')}", 1)
            notices.append(
                f"{path} is not executable in git, and {name} runs it with {program}. To change"
                f" that: `git update-index --chmod=+x {path}`."
            )
    return kept, tuple(notices)


def _script(tree: Tree, line: str) -> tuple[str, str, bool] | None:
    """The script of the tree that a line begins with: its path, the word that names it, and
    whether it is called as a program.
    """
    called = True
    for word in _WORD.findall(line):
        if word in _SHELLS:
            called = called and word == "exec"
            continue
        path = posixpath.normpath(word)
        member = tree.members.get(path)
        known = member is not None and member.isfile() and member.size <= _MOST_BYTES
        return (path, word, called and "/" in word) if known else None
    return None


def _has_windows_lines(code: bytes) -> bool:
    return code.split(b"\n", 1)[0].endswith(b"\r")


def _interpreter(code: bytes) -> str:
    found = _SHEBANG.match(code)
    return found[1].decode("utf-8", "replace").rpartition("/")[2] if found else "sh"


def _windows_lines(path: str, process: str) -> BuildError:
    ending = posixpath.splitext(path)[1]
    pattern = f"*{ending}" if ending else path
    return BuildError(
        f"{path}, which {process} runs, has Windows line endings, so that it cannot be run.",
        detail="Its first line ends with a carriage return, which becomes part of a name there.",
        advice="Convert them to LF, keep git from changing them back, and push again:\n"
        f"  sed -i 's/\\r$//' {path}\n"
        f"  echo '{pattern} text eol=lf' >> .gitattributes\n"
        f"  git add {path} .gitattributes && git commit -m 'Line ends of {path}'",
        reason="build/script-line-ends",
    )
