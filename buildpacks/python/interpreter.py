"""Which Python an app is built for: what its own files ask for, as far as it is on this machine."""

import codecs
import re
from collections.abc import Sequence

from buildpacks.python.project import requires_python
from buildpacks.python.versions import numbers, satisfies
from receiver.model.build import Interpreter, Tree
from receiver.model.errors import BuildError

OLDEST = "3.9"
"""Used without being asked for; an older one has to be named."""

_VERSION = re.compile(r"3\.\d{1,2}(\.\d{1,2})?")
_RUNTIME = re.compile(r"python-(3\.\d{1,2}(?:\.\d{1,2})?)")
_MISSPELT = frozenset(
    {
        "python-version", "python-version.txt", ".python-version.txt", ".python_version",
        ".pythonversion", ".python-versions", ".Python-version", ".PYTHON-VERSION",
        "Runtime.txt", "runtimes.txt", "runtime.text",
    }
)  # fmt: skip
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_REPAIR = "Write one line such as `3.12`, save the file as plain UTF-8, and commit it."


def choose_interpreter(
    tree: Tree, installed: Sequence[Interpreter]
) -> tuple[Interpreter, tuple[str, ...]]:
    """The interpreter, and the sentences that say why it is this one.

    Raises:
        BuildError: what the files ask for cannot be read, or is not on this machine.
    """
    _refuse_misspelt(tree)
    if tree.has(".python-version"):
        wanted = _python_version_file(tree.read(".python-version"))
        found = _exactly(wanted, ".python-version", installed)
        return found, (*_because(found, f".python-version asks for {wanted}"), *_ignored(tree))
    if tree.has("runtime.txt"):
        wanted = _runtime_file(tree.read("runtime.txt"))
        found = _exactly(wanted, "runtime.txt", installed)
        return found, _because(found, f"runtime.txt asks for {wanted}")
    if spec := requires_python(tree):
        found = _newest(spec, f"pyproject.toml asks for Python {spec}", installed)
        return found, _because(found, f"it is the newest here that fits `requires-python = {spec}`")
    found = _newest(f">={OLDEST}", f"An app needs Python {OLDEST} or newer", installed)
    return found, _because(found, "it is the newest here, and no .python-version asks for another")


def _because(found: Interpreter, why: str) -> tuple[str, ...]:
    return (f"Python {found.version} is used, because {why}.",)


def _ignored(tree: Tree) -> tuple[str, ...]:
    return ("runtime.txt is not read, because there is a .python-version.",) * tree.has(
        "runtime.txt"
    )


def _exactly(wanted: str, source: str, installed: Sequence[Interpreter]) -> Interpreter:
    asked = numbers(wanted)
    fitting = [one for one in installed if numbers(one.version)[: len(asked)] == asked]
    if fitting:
        return max(fitting, key=lambda one: numbers(one.version))
    raise _not_installed(f"{source} asks for Python {wanted}", installed)


def _newest(spec: str, asks: str, installed: Sequence[Interpreter]) -> Interpreter:
    fitting = [one for one in installed if satisfies(one.version, spec)]
    if fitting:
        return max(fitting, key=lambda one: numbers(one.version))
    raise _not_installed(asks, installed)


def _not_installed(asks: str, installed: Sequence[Interpreter]) -> BuildError:
    here = ", ".join(one.version for one in installed) or "none"
    newest = max(installed, key=lambda one: numbers(one.version), default=None)
    change = f"Ask for one that is here (`{newest.minor}` in .python-version)," if newest else ""
    return BuildError(
        "The Python that this app asks for is not on this server.",
        detail=f"{asks}. Installed here: {here}.",
        advice=f"{change} or have the server's administrator install it.".strip(" ,"),
        reason="build/python-not-installed",
    )


def _python_version_file(data: bytes) -> str:
    lines = [line.strip() for line in _text(data).splitlines()]
    versions = [line for line in lines if line and not line.startswith("#")]
    if not versions:
        raise BuildError(
            "There is no Python version in .python-version.",
            detail="It holds blank lines and comments only.",
            advice=f"{_REPAIR} Or delete it, and the newest Python of the server is used.",
            reason="build/python-version-empty",
        )
    if len(versions) > 1:
        raise BuildError(
            "There are several Python versions in .python-version.",
            detail=f"It holds: {', '.join(map(_visible, versions))}.",
            advice="Keep the one that the app shall run on.",
            reason="build/python-version-several",
        )
    if not _VERSION.fullmatch(versions[0]):
        raise _invalid(".python-version", versions[0], "`3.12` or `3.12.4`")
    return versions[0]


def _runtime_file(data: bytes) -> str:
    text = data.decode("utf-8-sig", errors="replace").strip()
    match = _RUNTIME.fullmatch(text)
    if match is None:
        raise _invalid("runtime.txt", text, "`python-3.12` or `python-3.12.4`")
    return match[1]


def _text(data: bytes) -> str:
    if not data.startswith(_BOMS) and b"\0" not in data:
        try:
            return data.decode()
        except UnicodeDecodeError:
            pass  # the same error as for the encodings that announce themselves
    raise BuildError(
        "The file .python-version is not plain UTF-8.",
        detail=f"It starts with the bytes {data[:4].hex(' ')}.",
        advice=f"Tools that read this file do not know this encoding. {_REPAIR}",
        reason="build/python-version-encoding",
    )


def _invalid(file: str, seen: str, form: str) -> BuildError:
    return BuildError(
        f"The Python version in {file} cannot be meant.",
        detail=f"It says `{_visible(seen)}`; it has to be of the form {form}.",
        advice="Write the version alone: no quotes, no wildcards, no other words.",
        reason="build/python-version-invalid",
    )


def _visible(text: str) -> str:
    return text[:60].encode("unicode_escape").decode()


def _refuse_misspelt(tree: Tree) -> None:
    found = next((name for name in tree.names() if name in _MISSPELT), None)
    if found is None:
        return
    meant = "runtime.txt" if found.lower().startswith("runtime") else ".python-version"
    if not tree.has(meant):
        raise BuildError(
            f"The file {found} is not read: its name has to be {meant}.",
            detail=f"There is no {meant} in the top folder.",
            advice=f"Rename it: `git mv {found} {meant}`.",
            reason="build/python-version-misspelt",
        )
