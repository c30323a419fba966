"""A cron job of an app, as its ship.toml declares it; and the timer that starts it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from receiver.model.errors import BuildError
from receiver.model.mismatch import with_place
from receiver.model.patterns import regex
from receiver.model.schedule import Schedule, ScheduleError

_NAME = regex(r"[a-z][a-z0-9-]{0,29}")
_LONGEST_NAME = 30
_NOT_IN_NAMES = regex(r"[^a-z0-9]+")
_PYTHON = regex(r"^(?:\S*python[\d.]*\s+)?(?:\S*manage\.py\s+|-m\s+)?")
_NEEDED = ("schedule", "command")
_POLICY = "concurrency_policy"
_NAME_RULE = "A name is a-z first, then a-z, 0-9 and hyphens, at most 30 characters."


class Cron(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[cron.NAME] of an app's own ship.toml: a command that runs at set times."""

    schedule: Annotated[
        str, Meta(description="When: cron's five fields, such as `0 3 * * *`, or `@daily`.")
    ]
    command: Annotated[str, Meta(min_length=1, description="What a shell runs.")]
    timezone: Annotated[
        str, Meta(description="Whose clock the schedule means, such as Europe/Berlin.")
    ] = "UTC"
    overlap: Annotated[
        bool, Meta(description="Start it also while an earlier run still goes on.")
    ] = False
    catch_up: Annotated[
        bool, Meta(description="Run it once when the server comes up after a time it missed.")
    ] = False
    limit_s: Annotated[
        Annotated[int, Meta(ge=1, le=604_800)], Meta(description="Seconds that one run may take.")
    ] = 3600

    @property
    def due(self) -> Schedule:
        """When it is due."""
        return Schedule.parse(self.schedule, self.timezone)


class ListedJob(Cron, frozen=True, kw_only=True):
    """An entry of `cron` in an app.json, as Dokku has it, with what ship can do besides."""

    name: str = ""
    concurrency_policy: Literal["allow", "forbid"] = "forbid"


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """What the process manager knows of a job: when to start it."""

    schedule: str
    timezone: str
    catch_up: bool
    since: str = ""
    """From when on it has been waited for, UTC: a time before that is no missed one."""


def parse_jobs(entries: object, file: str) -> dict[str, Cron]:
    """The jobs that a file declares, by name.

    Raises:
        BuildError: one of them cannot be meant; it is named
    """
    if not isinstance(entries, Mapping):
        raise _invalid("", file, "A job is a table with its name: `[cron.nightly]`.")
    return {name: _parse_job(name, entry, file) for name, entry in entries.items()}


def parse_listed_jobs(entries: Sequence[Mapping[str, Any]], file: str) -> dict[str, Cron]:
    """The jobs of a list as Dokku has it, where a name is not needed: it comes from the command
    then.

    Raises:
        BuildError: one of them cannot be meant; it is named
    """
    found: dict[str, Cron] = {}
    for entry in entries:
        name = str(entry.get("name") or _name_from(str(entry.get("command", ""))))
        if name in found:
            raise _invalid(name, file, "Two jobs have this name: give each a `name` of its own.")
        found[name] = _parse_job(name, _own_form(name, entry, file), file)
    return found


def _own_form(name: str, entry: Mapping[str, Any], file: str) -> dict[str, Any]:
    known = {field: entry[field] for field in ListedJob.__struct_fields__ if field in entry}
    policy = known.pop(_POLICY, "forbid")
    known.pop("name", None)
    if policy not in {"allow", "forbid"}:
        raise _invalid(name, file, f"Its {_POLICY} is {policy!r}; it can be `allow` or `forbid`.")
    return {"overlap": policy == "allow", **known}


def _name_from(command: str) -> str:
    words = _PYTHON.sub("", command.lower())
    name = _NOT_IN_NAMES.sub("-", words).strip("-")
    return (name if name[:1].isalpha() else f"job-{name}")[:_LONGEST_NAME].strip("-")


def _parse_job(name: str, entry: object, file: str) -> Cron:
    if not _NAME.fullmatch(name):
        raise _invalid(name, file, _NAME_RULE)
    missing = [it for it in _NEEDED if isinstance(entry, Mapping) and it not in entry]
    if missing:
        raise _invalid(name, file, f"It has no `{missing[0]}`.")
    try:
        job = msgspec.convert(entry, Cron)
        Schedule.parse(job.schedule, job.timezone)
    except msgspec.ValidationError as error:
        raise _invalid(name, file, with_place(str(error))) from error
    except ScheduleError as error:
        raise _invalid(name, file, f"{error}") from error
    if not job.command.strip() or "\0" in job.command:
        raise _invalid(name, file, "Its command is empty, or holds a NUL byte.")
    return job


def _invalid(name: str, file: str, detail: str) -> BuildError:
    return BuildError(
        f"The cron job {name!r} in {file} cannot be run." if name else f"{file} has no cron jobs.",
        detail=detail,
        advice="A job has a `schedule`, such as `0 3 * * *` for three o'clock at night, and a "
        "`command`;"
        f" it can have {', '.join(Cron.__struct_fields__[2:])}.",
        reason="build/cron-invalid",
    )
