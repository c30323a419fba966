"""Processes of a machine as this computer sees them: its init, who runs, and their memory."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """One process; `pss_bytes` counts each shared page in proportion to its users."""

    pid: int
    user_id: int
    command: str
    pss_bytes: int


def init_below(nspawn_pid: int) -> int | None:
    """The child of nspawn that is pid 1 inside, once there is one."""
    try:
        children = Path(f"/proc/{nspawn_pid}/task/{nspawn_pid}/children").read_text().split()
        return next((int(pid) for pid in children if _is_init(pid)), None)
    except (FileNotFoundError, ProcessLookupError):
        return None


def processes_beside(init_pid: int) -> list[Process]:
    """Every process that shares the pid namespace of a machine's init."""
    namespace = Path(f"/proc/{init_pid}/ns/pid").readlink()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "ns/pid").readlink() == namespace:
                found.append(_process(folder))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended while we looked, or nobody but itself may look at it
    return sorted(found, key=lambda process: process.pid)


def _process(folder: Path) -> Process:
    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    pss_kib = _field(folder / "smaps_rollup", "Pss:")
    return Process(int(folder.name), folder.stat().st_uid, command.strip(), int(pss_kib[0]) * 1024)


def _is_init(pid: str) -> bool:
    numbers = _field(Path(f"/proc/{pid}/status"), "NSpid:")
    return len(numbers) > 1 and numbers[-1] == "1"


def _field(path: Path, name: str) -> list[str]:
    lines = (line.split() for line in path.read_text().splitlines())
    return next((words[1:] for words in lines if words and words[0] == name), ["0"])
