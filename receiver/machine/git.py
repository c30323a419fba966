"""Doorway to git: the short git commands ship runs on its bare repositories, in an environment
of its own.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from receiver.machine import shell
from receiver.model.errors import GitError

ABSENT = "0" * 40
"""The object id that stands for "no such ref" in git's protocol."""

BRANCHES = "refs/heads/"
FIRST_BRANCH = "main"
_FIRST_BRANCHES = (FIRST_BRANCH, "master")
"""Before the deploy branch is there, each of them may become it; hooks/pre-receive knows them."""
LIMIT_S = 60.0
_COPY_LIMIT_S = 900.0
_ROOT = Path("/")
"""Where git runs, to find no other repository around it."""
_ALL_BRANCHES = f"+{BRANCHES}*:{BRANCHES}*"

STREAMED = "core.bigFileThreshold=64m"
"""Beyond this size a file is copied piece by piece, and not held in memory."""
_ARCHIVE_MEMORY_BYTES = 1 << 30

TAR_MODES = "tar.umask=0027"
"""Has git write a tree that only its owner reads, once it is unpacked; hooks/post-receive too."""
_INHERITED = ("PATH", "HOME", "TMPDIR", "USER", "LOGNAME")
_SETTINGS = (
    ("core.fsync", "reference"),  # a ref that git acknowledged survives a power cut
    ("core.logAllRefUpdates", "true"),  # what a forced push replaced stays findable
    ("receive.fsckObjects", "true"),
    ("receive.fsck.zeroPaddedFilemode", "ignore"),  # found in honest old histories
    ("receive.advertisePushOptions", "true"),
    ("receive.autogc", "true"),
    ("transfer.hideRefs", "refs/ship"),
)


class _Finished(NamedTuple):
    """How a git command ended, and what it wrote."""

    status: int
    output: str
    errors: str


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the whole environment of a git process: no GIT_* of the caller, no configuration
    but the repository's.
    """
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    fixed = {
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
    }
    return {"PATH": os.defpath, **kept, **fixed, **(extra or {})}


def command(repo: Path, *args: str) -> tuple[str, ...]:
    """Return the argv of a git command on this repository, and on no other that lies around it."""
    return ("git", f"--git-dir={repo}", *args)


def create_repo(path: Path, *, hooks: Path) -> None:
    """Make a bare repository that receives pushes; on one that is there, put its settings right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # An empty template: neither sample hooks nor whatever the operator's template holds.
    fresh = () if (path / "HEAD").exists() else (f"--initial-branch={FIRST_BRANCH}",)
    _output(path, "init", "--quiet", "--bare", "--template=", *fresh)
    for name, value in (*_SETTINGS, ("core.hooksPath", str(hooks))):
        _output(path, "config", "--replace-all", name, value)


def is_whole(repo: Path) -> bool:
    """Whether all that the refs of a repository lead to is there. A large one takes seconds."""
    argv = ("fsck", "--connectivity-only", "--no-dangling", "--no-progress")
    try:
        return _run(repo, *argv).status == 0
    except shell.CommandError as error:
        return error.status != 0 and "took longer" in error.title + error.detail


def put_aside(repo: Path) -> Path:
    """Where a damaged repository is kept, once another takes its place; one is, the last."""
    return repo.with_name(f"{repo.name}.damaged")


def head_branch(repo: Path) -> str:
    """Return the name of the deploy branch, born or not: the branch that HEAD names."""
    return _output(repo, "symbolic-ref", "HEAD").strip().removeprefix(BRANCHES)


def deploy_branches(repo: Path) -> tuple[str, ...]:
    """Return the deploy branch; before it is there, each branch that may become it, best first."""
    head = head_branch(repo)
    if head not in _FIRST_BRANCHES or resolve_commit(repo, BRANCHES + head) is not None:
        return (head,)
    return _FIRST_BRANCHES


def set_head_branch(repo: Path, branch: str) -> None:
    """Make this the deploy branch."""
    if _run(repo, "check-ref-format", BRANCHES + branch).status:
        raise GitError(
            "This is not a name that a branch can have.",
            detail=f"The name was {branch!r}.",
            advice="Use letters, digits, hyphens and slashes, as in main or team/staging.",
            reason="git/bad-branch",
        )
    _output(repo, "symbolic-ref", "HEAD", BRANCHES + branch)


def resolve_commit(repo: Path, name: str) -> str | None:
    """Return the id of the commit that a ref or a shortened id names, or None."""
    argv = ("rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}")
    found = _run(repo, *argv)
    return found.output.strip() if found.status == 0 else None


def refs(repo: Path) -> list[tuple[str, str]]:
    """Return every ref with the object it names, in git's order.

    Raises:
        GitError: the repository is damaged: one of these objects is not there either
    """
    listing = _output(repo, "for-each-ref", "--format=%(objecttype) %(objectname) %(refname)")
    found = (line.split(" ", 2) for line in listing.split("\n") if line)
    return [(name, object_id) for _, object_id, name in found]


def settings(repo: Path) -> dict[str, list[str]]:
    """Return what the repository's configuration says about receiving: lower-case key, values in
    order.
    """
    found: dict[str, list[str]] = {}
    listing = _run(repo, "config", "-z", "--get-regexp", "^(receive|transfer)\\.")
    for entry in listing.output.split("\0")[:-1]:
        key, _, value = entry.partition("\n")
        found.setdefault(key, []).append(value)
    return found


def is_ancestor(repo: Path, older: str, newer: str) -> bool:
    """Whether going from one commit to the other is a fast-forward."""
    return _run(repo, "merge-base", "--is-ancestor", older, newer).status == 0


def move_refs(repo: Path, moves: Iterable[tuple[str, str, str]]) -> str:
    """Move refs (name, old, new), all or none, each only if it still is at old; return why not,
    or nothing.

    ABSENT as new deletes the ref, as old says that it must not exist.
    """
    lines = (f"update {ref}\0{new}\0{old}\0" for ref, old, new in moves)
    done = _run(repo, "update-ref", "--stdin", "-z", text="".join(lines))
    return (done.errors.strip() or "git update-ref failed") if done.status else ""


def restore_ref(repo: Path, ref: str, pushed: str, to: str | None) -> bool:
    """Take a push back: the ref returns to `to`, or goes, but only if it still is at the pushed
    commit.
    """
    return not move_refs(repo, [(ref, pushed, to or ABSENT)])


def copy_branches(source: Path, repo: Path) -> None:
    """Take over all branches of another repository of this server, and which of them is the
    deploy branch.
    """
    done = _run(
        repo, "fetch", "--quiet", "--no-tags", str(source), _ALL_BRANCHES, limit_s=_COPY_LIMIT_S
    )
    if done.status:
        raise GitError(
            "The code could not be copied.",
            detail=done.errors.strip(),
            advice="Check the repository with git fsck, and the disk for free space.",
        )
    set_head_branch(repo, head_branch(source))


def submodules(repo: Path, commit: str) -> tuple[str, ...]:
    """Return the submodules of a commit, `COMMIT PATH` each, as hooks/post-receive does."""
    if _run(repo, "cat-file", "-e", f"{commit}:.gitmodules").status:
        return ()
    listed = _output(repo, "ls-tree", "-r", "-z", commit).split("\0")[:-1]
    found = (entry.partition("\t") for entry in listed if entry.startswith("160000 "))
    return tuple(f"{head.split()[2]} {path}" for head, _, path in found)


@contextmanager
def archive(repo: Path, commit: str) -> Iterator[int]:
    """Give a file descriptor to read the tree of a commit from, as a tar file."""
    # what git has to say besides (such as that it may not read root's settings) must not end up in
    # the tar file
    program = shell.Program(
        command(repo, "-c", STREAMED, "-c", TAR_MODES, "archive", "--format=tar", commit),
        environment(),
        _ROOT,
        shows="output",
        memory_bytes=_ARCHIVE_MEMORY_BYTES,
        account=_owner(repo),
    )
    with shell.stream(program) as process:
        yield shell.output_of(process).fileno()


def top_folder(folder: Path) -> Path | None:
    """Return the top of the work tree that a folder is in; None outside of one, or without git."""
    found = _in_work_tree(folder, "rev-parse", "--show-toplevel")
    return Path(found.removesuffix("\n")) if found else None


def working_files(top: Path) -> list[str]:
    """Return what a commit of everything would hold: paths that git knows, and new ones that it
    does not ignore.
    """
    listed = _in_work_tree(top, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return sorted(set(listed.split("\0")[:-1]))


def ignored_folders(top: Path) -> list[str]:
    """Return the folders of a work tree of which git ignores all that is in them."""
    flags = ("--others", "--ignored", "--exclude-standard", "--directory")
    listed = _in_work_tree(top, "ls-files", "-z", *flags).split("\0")[:-1]
    return [path.removesuffix("/") for path in listed if path.endswith("/")]


def files_below(folder: Path, ignored: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the files of a folder that git would commit, by their paths in it, and what of it git
    would ignore; the folder need not be part of a repository.

    `ignored` are more patterns of what nobody commits. So are virtualenvs, and other repositories.
    """
    patterns = [f"--exclude={pattern}" for pattern in ignored]
    found = _below(folder, (), patterns) if top_folder(folder) else ([], [])
    if found[0]:
        return found
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - slow, and rarely needed

    with TemporaryDirectory() as place:
        _in_work_tree(folder, "init", "--quiet", "--bare", place)
        return _below(folder, (f"--git-dir={place}", "--work-tree=."), patterns)


def _below(
    folder: Path, where: Sequence[str], patterns: Sequence[str]
) -> tuple[list[str], list[str]]:
    listing = (*where, "ls-files", "-z", "--others", "--exclude-standard", *patterns)
    listed = _in_work_tree(folder, *listing, "--cached").split("\0")[:-1]
    left = _in_work_tree(folder, *listing, "--ignored", "--directory").split("\0")[:-1]
    left += [path for path in listed if path.endswith("/pyvenv.cfg") or (folder / path).is_dir()]
    gone = [path.removesuffix("pyvenv.cfg").removesuffix("/") + "/" for path in left]
    kept = [path for path in listed if not f"{path}/".startswith(tuple(gone))]
    names = sorted({path for path in kept if os.path.lexists(folder / path)})
    return names, sorted({path.removesuffix("/") for path in gone})


def index_lock(top: Path) -> Path:
    """Return the file that is there while git is in the middle of writing a work tree."""
    found = _in_work_tree(top, "rev-parse", "--git-path", "index.lock").removesuffix("\n")
    return top / (found or ".git/index.lock")


def collect_garbage(repo: Path) -> None:
    """Let git repack in the background when it finds that worth while; objects younger than two
    weeks stay.
    """
    _run(repo, "gc", "--auto", "--quiet")


def _output(repo: Path, *argv: str) -> str:
    done = _run(repo, *argv)
    if done.status:
        raise GitError(
            "A git command failed on the server.",
            detail=f"git {' '.join(argv)} ended with {done.status}: {done.errors.strip()}",
            advice="Check the repository with git fsck, and the disk for free space.",
        )
    return done.output


def _run(repo: Path, *argv: str, text: str = "", limit_s: float = LIMIT_S) -> _Finished:
    """Run to the end, as the account that owns the repository."""
    done = shell.run(
        command(repo, *argv),
        env=environment(),
        given=_encoded(text),
        cwd=_ROOT,
        limit_s=limit_s,
        account=_owner(repo),
    )
    return _Finished(done.status, _decoded(done.output), _decoded(done.errors))


def _in_work_tree(folder: Path, *argv: str, text: str = "") -> str:
    """What a git command of a person's own checkout says, with their own settings; nothing when
    it fails.
    """
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    settings = {n: v for n, v in os.environ.items() if n.startswith("GIT_CONFIG")}
    env = {**theirs, **settings, "LC_ALL": "C.UTF-8"}
    try:
        return _decoded(
            shell.capture(
                ("git", *argv), env=env, cwd=folder, given=_encoded(text), limit_s=LIMIT_S
            )
        )
    except shell.CommandError:
        return ""


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _decoded(data: bytes) -> str:
    """Names of refs and paths are bytes to git, hence the escapes for what is not UTF-8."""
    return data.decode("utf-8", "surrogateescape")


def _owner(repo: Path) -> shell.Account | None:
    """Root runs no git in a place that another account can write: git is run as that account."""
    owner = (repo if repo.exists() else repo.parent).stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return None
    return owner.st_uid, owner.st_gid
