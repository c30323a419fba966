"""The same bytes pushed to our receive-pack and to git's, and what each made of them, in
comparable form."""

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dulwich.protocol import PktLineParser, pkt_seq

from receiver.machine import git

ABSENT = git.ABSENT
DRIVER = Path(__file__).with_name("receive_driver.py")
CAPABILITIES = b"report-status side-band-64k object-format=sha1 quiet"


@dataclass(frozen=True)
class Outcome:
    """How a push ended: equal on both sides, or one of them is wrong."""

    unpacked: bool | None
    verdicts: tuple[str, ...]
    refs: tuple[tuple[str, str], ...]
    objects: frozenset[str]
    leftovers: tuple[str, ...]
    told: str = field(compare=False)


class Scratch:
    """A repository to make good and bad objects in, and packs of exactly the objects that are
    named."""

    def __init__(self, path: Path) -> None:
        self.path = path
        subprocess.run(("git", "init", "-q", "-b", "main", path), check=True)

    def git(self, *args: str, given: bytes = b"") -> str:
        identity = {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (
                ("NAME", "Ada"),
                ("EMAIL", "ada@example.com"),
                ("DATE", "1700000000 +0000"),
            )
        }
        done = subprocess.run(
            ("git", "-C", self.path, *args),
            input=given,
            env=git.environment(identity),
            capture_output=True,
            check=True,
        )
        return done.stdout.decode().strip()

    def store(self, kind: str, content: bytes) -> str:
        """Store an object as it is, right or wrong."""
        return self.git("hash-object", "-t", kind, "--literally", "-w", "--stdin", given=content)

    def tree(self, *entries: tuple[bytes, bytes, str]) -> str:
        rows = (mode + b" " + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries)
        return self.store("tree", b"".join(rows))

    def commit(self, tree: str, *parents: str, message: str = "a commit") -> str:
        head = f"tree {tree}\n" + "".join(f"parent {parent}\n" for parent in parents)
        who = "Ada <ada@example.com> 1700000000 +0000"
        text = f"{head}author {who}\ncommitter {who}\n\n{message}\n"
        return self.store("commit", text.encode())

    def pack(self, *object_ids: str) -> bytes:
        done = subprocess.run(
            ("git", "-C", self.path, "pack-objects", "--stdout", "-q"),
            input="".join(f"{object_id}\n" for object_id in object_ids).encode(),
            env=git.environment(),
            capture_output=True,
            check=True,
        )
        return done.stdout


def commands(*updates: tuple[str, str, str], capabilities: bytes = CAPABILITIES) -> bytes:
    """Return what a client sends before its pack."""
    lines = [f"{old} {new} {ref}".encode("utf-8", "surrogateescape") for old, new, ref in updates]
    return pkt_seq(lines[0] + b"\0" + capabilities, *lines[1:])


def push_bytes(
    receiver: str, repo: Path, stream: bytes, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Play a client that sends this and closes; `receiver` is ship or git."""
    argv = (sys.executable, DRIVER, "host", f"git-receive-pack '{repo}'")
    env = {**git.environment(environment), "SHIP_TEST_RECEIVER": receiver}
    return subprocess.run(argv, input=stream, env=env, capture_output=True, check=False, timeout=60)


def outcome(receiver: str, repo: Path, stream: bytes, **environment: str) -> Outcome:
    """Push, and look at everything that a push can change."""
    done = push_bytes(receiver, repo, stream, **environment)
    report, told = parse_answer(done.stdout)
    unpacked = next((line == "unpack ok" for line in report if line.startswith("unpack ")), None)
    return Outcome(
        unpacked,
        tuple(line for line in report if line.startswith(("ok ", "ng "))),
        tuple(git.refs(repo)),
        objects(repo),
        leftovers(repo),
        told + done.stderr.decode(errors="replace"),
    )


def parse_answer(answer: bytes) -> tuple[list[str], str]:
    """Split an answer into the lines of its report and what the person was told."""
    packets = _packets(answer)
    after_refs = packets[packets.index(None) + 1 :] if None in packets else []
    bands: dict[int, bytes] = {1: b"", 2: b""}
    plain: list[bytes] = []
    for packet in after_refs:
        if packet and packet[0] in bands:
            bands[packet[0]] += packet[1:]
        elif packet:
            plain.append(packet)
    inner = [packet for packet in _packets(bands[1]) if packet] or plain
    return [line.decode(errors="replace").rstrip("\n") for line in inner], bands[2].decode(
        errors="replace"
    )


def objects(repo: Path) -> frozenset[str]:
    return frozenset(_lines(repo, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"))


def leftovers(repo: Path) -> tuple[str, ...]:
    return tuple(sorted(str(path) for path in (repo / "objects").rglob("*tmp_*")))


def both(tmp_path: Path) -> Iterable[tuple[str, Path]]:
    return [("ship", tmp_path / "ship.git"), ("git", tmp_path / "git.git")]


def _lines(repo: Path, *args: str) -> list[str]:
    argv = git.command(repo, *args)
    done = subprocess.run(argv, env=git.environment(), capture_output=True, check=True)
    return done.stdout.decode().split()


def _packets(data: bytes) -> list[bytes | None]:
    found: list[bytes | None] = []
    PktLineParser(found.append).parse(data)
    return found
