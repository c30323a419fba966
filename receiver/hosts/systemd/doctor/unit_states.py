"""What `systemctl show` says of units, as values. Pure."""

from typing import NamedTuple

PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "DropInPaths",
    "NeedDaemonReload",
    "Result",
    "NRestarts",
    "ExecMainStatus",
)
_NOT_OURS = ("/usr/lib/", "/lib/", "/run/systemd/system.control/", "/run/systemd/generator")


class UnitState(NamedTuple):
    """One unit, as systemd sees it now."""

    name: str
    load: str
    active: str
    sub: str
    file_state: str
    drop_ins: tuple[str, ...]
    outdated: bool
    """Whether its file changed since systemd has read it."""
    result: str
    restarts: int
    status: int

    @property
    def is_masked(self) -> bool:
        return self.load == "masked" or self.file_state.startswith("masked")

    @property
    def is_masked_until_boot(self) -> bool:
        return self.file_state == "masked-runtime"

    @property
    def runs(self) -> bool:
        return self.active in {"active", "reloading"}

    @property
    def was_stopped(self) -> bool:
        return self.active == "inactive" and self.result == "success"

    @property
    def shown(self) -> str:
        """A sentence for a person."""
        words = f"systemd says of {self.name}: {self.active} ({self.sub})"
        if self.result not in {"", "success"}:
            words += f", result {self.result}"
        if self.status and not self.runs:
            words += f", exit status {self.status}"
        if self.restarts:
            words += f", started again {self.restarts} times"
        return words + "."


def unit_states(said: str) -> dict[str, UnitState]:
    """The units that `systemctl show` printed, by the names they have."""
    found: dict[str, UnitState] = {}
    for block in said.strip().split("\n\n"):
        pairs = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in pairs:
            found[pairs["Id"]] = _state(pairs)
    return found


def _state(pairs: dict[str, str]) -> UnitState:
    return UnitState(
        name=pairs["Id"],
        load=pairs.get("LoadState", ""),
        active=pairs.get("ActiveState", ""),
        sub=pairs.get("SubState", ""),
        file_state=pairs.get("UnitFileState", ""),
        drop_ins=tuple(
            path for path in pairs.get("DropInPaths", "").split() if not path.startswith(_NOT_OURS)
        ),
        outdated=pairs.get("NeedDaemonReload") == "yes",
        result=pairs.get("Result", ""),
        restarts=_number(pairs.get("NRestarts")),
        status=_number(pairs.get("ExecMainStatus")),
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
