"""Which Python an app is built for: what its own files ask for, as far as it is here or can be
fetched.
"""

import codecs
import shlex
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches

import msgspec
from msgspec.structs import replace

from buildpacks.python.packages import Manager
from buildpacks.python.pipfile import pipfile_python, read_pipfile_lock
from buildpacks.python.poetry import poetry_python
from buildpacks.python.project import read_pyproject, requires_python
from buildpacks.python.pythons import (
    Wish,
    age_notices,
    age_warnings,
    mended,
    none_fits,
    not_here,
    refuse_unknown,
    replaced_patch,
)
from buildpacks.python.versions import numbers, satisfies, satisfies_constraint
from receiver.model.build import BuildFacts, Interpreter, Tree
from receiver.model.errors import BuildError
from receiver.model.patterns import regex

OLDEST = "3.9"
"""Used without being asked for; an older one has to be named."""

_VERSION = regex(r"\d{1,2}\.\d{1,2}(\.\d{1,2})?")
_RUNTIME = regex(r"python-(\d{1,2}\.\d{1,2}(?:\.\d{1,2})?)")
_MISSPELT_VERSION = regex(r"\.?python[-_ .]?versions?(\.txt)?")
_MISSPELT_RUNTIME = regex(r"\.?runtimes?\.te?xt")
_SPELLING_CUTOFF = 0.85
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ALONE = "Write the version alone: no quotes, no wildcards, no other words."
_REPAIR = "Write one line such as `3.12`, save the file as plain UTF-8, and commit it."


class Chosen(msgspec.Struct, frozen=True):
    """The interpreter of an app."""

    python: Interpreter
    notices: tuple[str, ...]
    """Why it is this one."""
    warnings: tuple[str, ...] = ()
    """What nobody may overlook."""
    others: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Minor versions that could be chosen as well, newest first, each with the line that does."""


def choose_interpreter(tree: Tree, manager: Manager, facts: BuildFacts) -> Chosen:
    """The interpreter, and the sentences that say why it is this one.

    Raises:
        BuildError: what the files ask for cannot be read, or cannot be had
    """
    _refuse_misspelt(tree)
    spec, fits = _range(tree, manager)
    found = _choose(tree, manager, facts, spec, fits)
    offered = (*facts.interpreters, *mended(facts))
    minors = {one.minor for one in offered if fits(one.version)} - {found.python.minor}
    asks = _wish(tree, manager) or Wish("", ".python-version")
    newest_first = sorted(minors, key=numbers, reverse=True)
    return replace(found, others={minor: asks.line(minor) for minor in newest_first})


def _choose(
    tree: Tree, manager: Manager, facts: BuildFacts, spec: str, fits: Callable[[str], bool]
) -> Chosen:
    wish = _wish(tree, manager)
    if wish is None:
        return _newest(spec, fits, facts)
    fitting = [one for one in facts.interpreters if fits(one.version)]
    advised = _latest(fitting).minor if fitting else ""
    refuse_unknown(wish, facts, advised)
    found = _asked_for(wish, facts, advised)
    if manager in ("uv", "poetry", "project") and spec and not fits(found.version):
        raise _contradiction(wish, spec, advised)
    why = f"Using Python {found.version} ({wish.source} asks for {wish.version})"
    if _is_another(wish, found):
        why = replaced_patch(wish, found)
    age = () if _is_another(wish, found) else age_notices(found, wish.version, facts)
    said = (why, *age, *_passed_over(tree, manager, wish))
    return Chosen(found, said, age_warnings(found, facts))


def _wish(tree: Tree, manager: Manager) -> Wish | None:
    """The version that a file names; the first of them that does."""
    uv_reads_another = manager == "uv" and tree.has(".python-version")
    if tree.has("runtime.txt") and not uv_reads_another:
        return Wish(_runtime_file(tree.read("runtime.txt")), "runtime.txt")
    if tree.has(".python-version"):
        return Wish(_python_version_file(tree.read(".python-version")), ".python-version")
    return _locked_wish(tree) if manager == "pipenv" else None


def _locked_wish(tree: Tree) -> Wish | None:
    key, version = pipfile_python(read_pipfile_lock(tree))
    if not key:
        return None
    if not _VERSION.fullmatch(version) or (key == "python_full_version") != (
        version.count(".") > 1
    ):
        form = "3.12.4" if key == "python_full_version" else "3.12"
        way = f'Write it so in the Pipfile, such as `{key} = "{form}"`, and run `pipenv lock`.'
        raise _invalid(f"Pipfile.lock ({key})", version, f"`{form}`", way)
    return Wish(version, "Pipfile.lock")


def _range(tree: Tree, manager: Manager) -> tuple[str, Callable[[str], bool]]:
    """The range of Pythons that the project supports, and what tells whether one is in it."""
    if spec := requires_python(tree):
        return f"requires-python = {spec}", lambda version: satisfies(version, spec)
    constraint = poetry_python(read_pyproject(tree)) if manager == "poetry" else ""
    if constraint:
        return f"python = {constraint}", lambda version: satisfies_constraint(version, constraint)
    return "", lambda version: satisfies(version, f">={OLDEST}")


def _passed_over(tree: Tree, manager: Manager, wish: Wish) -> tuple[str, ...]:
    """What is to be said of files that name a Python and are not the one that decides."""
    said = []
    if wish.source == "runtime.txt":
        why = "is not read by uv on your machine" if manager == "uv" else "is an old form"
        said.append(
            f"runtime.txt {why}: write {wish.version} into a file named .python-version in its"
            " place."
        )
        if tree.has(".python-version"):
            said.append(".python-version is not read, because there is a runtime.txt.")
    elif tree.has("runtime.txt"):
        said.append("runtime.txt is not read: .python-version counts, as for uv on your machine.")
    locked = _locked_wish(tree) if manager == "pipenv" and wish.source != "Pipfile.lock" else None
    if locked and not wish.version.startswith(locked.version):
        said.append(
            f"Pipfile.lock was made for Python {locked.version}; {wish.source} comes first."
        )
    return tuple(said)


def _asked_for(wish: Wish, facts: BuildFacts, advised: str) -> Interpreter:
    """The version itself; else another patch of it, rather one that is here."""
    asked = numbers(wish.version)
    for wanted in (asked, asked[:2]):
        for offered in (facts.interpreters, facts.fetchable):
            fitting = [one for one in offered if numbers(one.version)[: len(wanted)] == wanted]
            if fitting:
                return _latest(fitting)
    raise not_here(wish, facts, advised)


def _is_another(wish: Wish, found: Interpreter) -> bool:
    asked = numbers(wish.version)
    return numbers(found.version)[: len(asked)] != asked


def _newest(spec: str, fits: Callable[[str], bool], facts: BuildFacts) -> Chosen:
    """Where no file names a version: the one of before as long as it fits, else the newest."""
    fitting = [one for one in facts.interpreters if fits(one.version)]
    before = [
        one for one in fitting if numbers(one.version)[:2] == numbers(facts.python_before)[:2]
    ]
    for offered in (mended(facts), facts.fetchable):
        fitting = fitting or [one for one in offered if fits(one.version)]
    if not fitting:
        raise none_fits(spec, OLDEST, facts)
    found = _latest(before or fitting)
    why = _why_newest(spec, found, facts)
    said = (f"Using Python {found.version} ({why})", *age_notices(found, "", facts))
    return Chosen(found, said, age_warnings(found, facts))


def _why_newest(spec: str, found: Interpreter, facts: BuildFacts) -> str:
    if found in facts.fetchable:
        return f"newest that fits `{spec}`; none installed does"
    if numbers(facts.python_before)[:2] == numbers(found.version)[:2] and any(
        numbers(one.version) > numbers(found.version) for one in facts.interpreters
    ):
        return f"the last release ran on {found.minor}; pin one in .python-version"
    if spec:
        return f"newest installed that fits `{spec}`"
    return "newest installed; pin one in .python-version"


def _latest(offered: Sequence[Interpreter]) -> Interpreter:
    return max(offered, key=lambda one: numbers(one.version))


def _contradiction(wish: Wish, spec: str, advised: str) -> BuildError:
    such = f" This does: {wish.line(advised)}; then commit the file." if advised else ""
    return BuildError(
        f"{wish.source} and pyproject.toml contradict each other.",
        detail=f"{wish.source} asks for Python {wish.version}, and pyproject.toml says `{spec}`.",
        advice=f"Change the one or the other, so that both allow the same Python.{such}",
        reason="build/python-version-mismatch",
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


def _invalid(file: str, seen: str, form: str, way: str = _ALONE) -> BuildError:
    return BuildError(
        f"The Python version in {file} cannot be meant.",
        detail=f"It says `{_visible(seen)}`; it has to be of the form {form}.",
        advice=way,
        reason="build/python-version-invalid",
    )


def _visible(text: str) -> str:
    return text[:60].encode("unicode_escape").decode()


def _refuse_misspelt(tree: Tree) -> None:
    for name in tree.names():
        meant = _meant(name)
        if meant and meant != name and not tree.has(meant):
            raise BuildError(
                f"The file {_visible(name)} is not read: did you mean {meant}?",
                detail=f"There is no {meant} in the top folder.",
                advice=f"Rename it: `git mv {shlex.quote(name)} {meant}`.",
                reason="build/python-version-misspelt",
            )


def _meant(name: str) -> str:
    """The file of a version that a name was likely meant to be; nothing for another name."""
    plain = name.strip().lower()
    if _MISSPELT_VERSION.fullmatch(plain):
        return ".python-version"
    if _MISSPELT_RUNTIME.fullmatch(plain):
        return "runtime.txt"
    close = get_close_matches(plain, (".python-version",), n=1, cutoff=_SPELLING_CUTOFF)
    return close[0] if close and not name.endswith("/") else ""
