"""Hostile and unlucky pushes end on our receive-pack as they end on git's: same verdicts, refs
and objects, nothing left over."""

import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from receiver.machine import git
from tests.embedded.receive_sides import ABSENT, Scratch, both, commands, outcome

pytestmark = pytest.mark.embedded

FILE, LINK, FOLDER = b"100644", b"120000", b"40000"
MAIN, SIDE = "refs/heads/main", "refs/heads/side"
NOWHERE = "1234567890" * 4
Update = tuple[str, str, str]


@dataclass(frozen=True)
class Seed:
    """What is on the server before, and in the scratch repository."""

    scratch: Scratch
    blob: str
    tree: str
    first: str
    second: str
    other: str
    """A second child of first: not a descendant of second."""

    def pack_of(self, *object_ids: str) -> bytes:
        return self.scratch.pack(*object_ids)


Attack = Callable[[Seed], bytes]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Seed]:
    place = tmp_path_factory.mktemp("seed")
    scratch = Scratch(place / "scratch")
    blob = scratch.store("blob", b"hello\n")
    tree = scratch.tree((FILE, b"a.txt", blob))
    first = scratch.commit(tree)
    second = scratch.commit(tree, first, message="second")
    other = scratch.commit(tree, first, message="other")
    for receiver, repo in both(place):
        git.create_repo(repo, hooks=place / "no-hooks")
        start = commands((ABSENT, second, MAIN), (ABSENT, first, SIDE))
        begun = outcome(receiver, repo, start + scratch.pack(blob, tree, first, second))
        assert begun.verdicts == (f"ok {MAIN}", f"ok {SIDE}"), begun
        _git(repo, "update-ref", "refs/ship/kept", first)
    return place, Seed(scratch, blob, tree, first, second, other)


@pytest.fixture
def seed(template: tuple[Path, Seed], tmp_path: Path) -> Seed:
    place, made = template
    for _, repo in both(place):
        shutil.copytree(repo, tmp_path / repo.name)
    return made


def _git(repo: Path, *args: str) -> None:
    subprocess.run(git.command(repo, *args), env=git.environment(), check=True)


def compare(tmp_path: Path, stream: bytes, **environment: str) -> None:
    ours, theirs = (outcome(name, repo, stream, **environment) for name, repo in both(tmp_path))
    assert ours == theirs, (
        f"\nship: {ours.verdicts} {ours.told}\ngit:  {theirs.verdicts} {theirs.told}"
    )
    assert not ours.leftovers


def new(oid: str, *, ref: str = "refs/heads/new") -> Update:
    return (ABSENT, oid, ref)


def commit_of(seed: Seed, *entries: tuple[bytes, bytes, str], pack_tree: bool = True) -> bytes:
    tree = seed.scratch.tree(*entries)
    commit = seed.scratch.commit(tree, seed.second)
    packed = (tree, commit) if pack_tree else (commit,)
    return commands(new(commit)) + seed.pack_of(*packed)


def absent_blob(seed: Seed) -> bytes:
    lost = seed.scratch.store("blob", b"never sent\n")
    return commit_of(seed, (FILE, b"lost.txt", lost))


def absent_tree(seed: Seed) -> bytes:
    return commit_of(seed, (FILE, b"unsent.txt", seed.blob), pack_tree=False)


def absent_parent(seed: Seed) -> bytes:
    parent = seed.scratch.commit(seed.tree, message="never sent")
    commit = seed.scratch.commit(seed.tree, parent)
    return commands(new(commit)) + seed.pack_of(commit)


def absent_in_one_of_two(seed: Seed) -> bytes:
    return commands(new(NOWHERE), new(seed.other, ref="refs/heads/fine")) + seed.pack_of(seed.other)


def annotated_tag(seed: Seed) -> str:
    who = "Ada <ada@example.com> 1700000000 +0000"
    text = f"object {seed.second}\ntype commit\ntag v1\ntagger {who}\n\none\n"
    return seed.scratch.store("tag", text.encode())


def branch_to_tag(seed: Seed) -> bytes:
    tag = annotated_tag(seed)
    return commands(new(tag)) + seed.pack_of(tag)


def tag_to_tag(seed: Seed) -> bytes:
    tag = annotated_tag(seed)
    return commands(new(tag, ref="refs/tags/v1")) + seed.pack_of(tag)


def bad_author(seed: Seed) -> bytes:
    text = f"tree {seed.tree}\nauthor nobody\ncommitter nobody\n\nx\n"
    commit = seed.scratch.store("commit", text.encode())
    return commands(new(commit)) + seed.pack_of(commit)


def evil_modules(seed: Seed) -> bytes:
    blob = seed.scratch.store("blob", b'[submodule "x"]\n\tpath = x\n\turl = -u./payload\n')
    commit = seed.scratch.commit(seed.scratch.tree((FILE, b".gitmodules", blob)))
    tree = seed.scratch.git("rev-parse", f"{commit}^{{tree}}")
    return commands(new(commit)) + seed.pack_of(blob, tree, commit)


def with_pack(change: Callable[[bytes], bytes]) -> Attack:
    def attack(seed: Seed) -> bytes:
        return commands(new(seed.other)) + change(seed.pack_of(seed.other))

    return attack


def of(*updates: Callable[[Seed], Update], capabilities: bytes = b"") -> Attack:
    """Build a push of these updates with the pack that a good one needs."""

    def attack(seed: Seed) -> bytes:
        wanted = b"report-status side-band-64k object-format=sha1 " + capabilities
        lines = commands(*(update(seed) for update in updates), capabilities=wanted)
        deletes_only = all(update(seed)[1] == ABSENT for update in updates)
        return lines if deletes_only else lines + seed.pack_of(seed.other)

    return attack


def entry(mode: bytes, name: bytes) -> Attack:
    is_folder = mode.lstrip(b"0") == FOLDER
    return lambda seed: commit_of(seed, (mode, name, seed.tree if is_folder else seed.blob))


def funny(name: str) -> Attack:
    return of(lambda seed: new(seed.other, ref=name))


ATTACKS: dict[str, Attack] = {
    "good push": of(lambda s: new(s.other)),
    "fast-forward": of(lambda s: (s.first, s.other, SIDE)),
    "non-fast-forward": of(lambda s: (s.second, s.other, MAIN)),
    "nothing new in the pack": lambda s: commands(new(s.first)) + s.pack_of(),
    "absent blob": absent_blob,
    "absent tree": absent_tree,
    "absent parent": absent_parent,
    "ref to an absent object": lambda s: commands(new(NOWHERE)) + s.pack_of(),
    "one of two is absent": absent_in_one_of_two,
    "new branch to a blob": of(lambda s: new(s.blob)),
    "old branch to a blob": of(lambda s: (s.second, s.blob, MAIN)),
    "tag ref to a blob": of(lambda s: new(s.blob, ref="refs/tags/blob")),
    "branch to an annotated tag": branch_to_tag,
    "tag ref to an annotated tag": tag_to_tag,
    "tree entry .git": entry(FOLDER, b".git"),
    "tree entry .GiT": entry(FOLDER, b".GiT"),
    "tree entry ..": entry(FOLDER, b".."),
    "tree entry .": entry(FOLDER, b"."),
    "tree entry with a slash": entry(FILE, b"a/b"),
    "tree entry without name": entry(FILE, b""),
    "tree entry of a strange mode": entry(b"107777", b"run"),
    "tree entry with a zero-padded mode": entry(b"040000", b"folder"),
    ("two tree entries of one name"): lambda s: commit_of(
        s, (FILE, b"a", s.blob), (FILE, b"a", s.blob)
    ),
    "unsorted tree": lambda s: commit_of(s, (FILE, b"b", s.blob), (FILE, b"a", s.blob)),
    "linked .gitmodules": entry(LINK, b".gitmodules"),
    "option in .gitmodules": evil_modules,
    "author without e-mail": bad_author,
    "ref HEAD": funny("HEAD"),
    "ref main": funny("main"),
    "ref one level below refs": funny("refs/stash"),
    "ref with two dots": funny("refs/heads/a..b"),
    "ref out of refs": funny("refs/heads/../../config"),
    "ref with a leading dot": funny("refs/heads/.a"),
    "ref ending in .lock": funny("refs/heads/a.lock"),
    "ref with a blank": funny("refs/heads/a b"),
    "ref with a control character": funny("refs/heads/a\x01b"),
    "ref with a backslash": funny("refs/heads/a\\b"),
    "ref with an at-brace": funny("refs/heads/a@{1}"),
    "ref ending in a slash": funny("refs/heads/a/"),
    "ref with two slashes": funny("refs/heads//a"),
    "ref beginning with a hyphen": funny("refs/heads/-a"),
    "ref in another alphabet": funny("refs/heads/ветка"),
    "ref below a branch": funny("refs/heads/main/sub"),
    "very long ref": funny("refs/heads/" + "a" * 300),
    "hidden ref": of(lambda s: new(s.other, ref="refs/ship/new")),
    ("hidden ref beside a good one"): of(
        lambda s: new(s.other, ref="refs/ship/x"), lambda s: new(s.other)
    ),
    "deleting a hidden ref": of(lambda s: (s.first, ABSENT, "refs/ship/kept")),
    "lost race": of(lambda s: (s.first, s.other, MAIN)),
    "lost race to create": of(lambda s: (ABSENT, s.other, MAIN)),
    "lost race to delete": of(lambda s: (s.second, ABSENT, SIDE)),
    "update of an absent ref": of(lambda s: (s.first, s.other, "refs/heads/none")),
    "deleting the current branch": of(lambda s: (s.second, ABSENT, MAIN)),
    "deleting another branch": of(lambda s: (s.first, ABSENT, SIDE)),
    "deleting an absent ref": of(lambda s: (s.first, ABSENT, "refs/heads/none")),
    "deleting and moving": of(
        lambda s: (s.first, ABSENT, SIDE), lambda s: (s.second, s.other, MAIN)
    ),
    "one ref twice": of(lambda s: new(s.other), lambda s: new(s.first)),
    "atomic": of(
        lambda s: new(s.other), lambda s: (s.first, s.other, SIDE), capabilities=b"atomic"
    ),
    "atomic with a lost race": of(
        lambda s: new(s.other), lambda s: (s.first, s.other, MAIN), capabilities=b"atomic"
    ),
    "atomic with a funny ref": of(
        lambda s: new(s.other), lambda s: new(s.other, ref="HEAD"), capabilities=b"atomic"
    ),
    "truncated pack": with_pack(lambda pack: pack[:-25]),
    "pack without its checksum": with_pack(lambda pack: pack[:-20]),
    "wrong checksum": with_pack(lambda pack: pack[:-1] + bytes([pack[-1] ^ 1])),
    "flipped bit in an object": with_pack(
        lambda pack: pack[:20] + bytes([pack[20] ^ 4]) + pack[21:]
    ),
    "garbage for a pack": with_pack(lambda _: b"GET / HTTP/1.1\r\n\r\n" * 40),
    "no pack": with_pack(lambda _: b""),
    "pack version 9": with_pack(lambda pack: pack[:7] + b"\x09" + pack[8:]),
    ("pack that claims four billion objects"): with_pack(
        lambda pack: pack[:8] + b"\xff" * 4 + pack[12:]
    ),
    "command that is none": lambda _: b"000bgarbage" + b"0000",
    "length that is none": lambda _: b"zzzz",
    "negative length": lambda _: b"-001",
    "nothing at all": lambda _: b"",
    "only a flush": lambda _: b"0000",
    "cut off in a command": lambda s: commands(new(s.other))[:40],
    "without side-band": of(lambda s: new(s.other), capabilities=b""),
    "object ids in upper case": lambda s: (
        commands((ABSENT, s.other.upper(), "refs/heads/new")) + s.pack_of(s.other)
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_verdict_is_that_of_git(name: str, seed: Seed, tmp_path: Path) -> None:
    compare(tmp_path, ATTACKS[name](seed))


@pytest.mark.parametrize(
    ("setting", "attack"),
    [
        ("receive.denyNonFastForwards", "non-fast-forward"),
        ("receive.denyNonFastForwards", "fast-forward"),
        ("receive.denyDeletes", "deleting another branch"),
        ("receive.denyDeletes", "deleting and moving"),
    ],
)
def test_settings_of_the_repository_count(
    setting: str, attack: str, seed: Seed, tmp_path: Path
) -> None:
    for _, repo in both(tmp_path):
        _git(repo, "config", setting, "true")
    compare(tmp_path, ATTACKS[attack](seed))


def test_pack_beyond_the_limit(seed: Seed, tmp_path: Path) -> None:
    _, (_, git_repo) = both(tmp_path)
    _git(git_repo, "config", "receive.maxInputSize", "2000")
    noise = seed.scratch.store("blob", random.randbytes(5000))
    tree = seed.scratch.tree((FILE, b"noise", noise))
    commit = seed.scratch.commit(tree)
    stream = commands(new(commit)) + seed.pack_of(noise, tree, commit)
    compare(tmp_path, stream, SHIP_TEST_MAX_BYTES="2000")


def test_atomic_is_all_or_nothing_where_git_lets_the_others_pass(
    seed: Seed, tmp_path: Path
) -> None:
    """The one difference: git counts refs that it refused before its transaction out of it."""
    attack = of(
        lambda s: new(s.other, ref="refs/ship/x"), lambda s: new(s.other), capabilities=b"atomic"
    )
    ours, theirs = (outcome(name, repo, attack(seed)) for name, repo in both(tmp_path))
    assert theirs.verdicts[1] == "ok refs/heads/new"
    assert ours.verdicts[1] == "ng refs/heads/new atomic push failure"
    assert "refs/heads/new" not in dict(ours.refs)
