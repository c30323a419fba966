"""app.json in an app's tree, as Heroku and Dokku read it: parsed into an `AppJson`, or an error
that names the place.

The file belongs to other tools too: what ship makes no use of is named in one notice, and what it
uses is checked.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from receiver.model.cron import Cron, ListedJob, parse_listed_jobs
from receiver.model.errors import BuildError, UsageError
from receiver.model.limits import MAX_PROCESSES
from receiver.model.mismatch import in_plain_words
from receiver.model.names import parse_config_name, parse_process_type

FILE_NAME = "app.json"
_DESCRIBING = frozenset(
    {"$schema", "description", "keywords", "logo", "name", "repository", "success_url", "website"}
)
"""What only tells people about the app: nobody expects it to do anything."""
_FORMS = {
    "buildpacks": '[{"url": "https://example.com/buildpack.git"}]',
    "cron": '[{"command": "python manage.py tidy", "schedule": "0 4 * * *"}]',
    "env": '{"SECRET_KEY": {"generator": "secret"}, "MAX_PAGES": "100"}',
    "formation": '{"web": {"quantity": 2}}',
    "healthchecks": '{"web": [{"type": "startup", "path": "/health", "timeout": 5}]}',
    "scripts": '{"postdeploy": "python manage.py seed"}',
}


class DokkuScripts(msgspec.Struct, frozen=True):
    """`scripts.dokku`: run at every deploy."""

    predeploy: str = ""
    postdeploy: str = ""


class Scripts(msgspec.Struct, frozen=True):
    """`scripts`; its `postdeploy` is for the first deploy alone."""

    dokku: DokkuScripts = DokkuScripts()
    predeploy: str = ""
    postdeploy: str = ""


class Variable(msgspec.Struct, frozen=True):
    """A config var that the app wants."""

    description: str = ""
    value: str = ""
    required: bool = True
    generator: Literal["secret"] | None = None


class Formation(msgspec.Struct, frozen=True):
    """How many processes of a type there are at first."""

    quantity: Annotated[int, Meta(ge=0, le=MAX_PROCESSES)] | None = None


class Header(msgspec.Struct, frozen=True):
    """A header of a health check's request."""

    name: str
    value: str


class Healthcheck(msgspec.Struct, frozen=True, rename="camel"):
    """A health check as Dokku writes it."""

    type: Literal["startup", "readiness", "liveness"]
    name: str = ""
    description: str = ""
    path: Annotated[str, Meta(pattern=r"^/\S*$")] | None = None
    attempts: Annotated[int, Meta(ge=1, le=1_000)] | None = None
    timeout: Annotated[int, Meta(ge=1, le=86_400)] | None = None
    wait: Annotated[int, Meta(ge=1, le=86_400)] | None = None
    http_headers: tuple[Header, ...] = ()


class Buildpack(msgspec.Struct, frozen=True):
    """One of `buildpacks`."""

    url: str


class AppJson(msgspec.Struct, frozen=True):
    """What ship makes use of."""

    scripts: Scripts = Scripts()
    env: dict[str, str | Variable] = {}
    formation: dict[str, Formation] = {}
    healthchecks: dict[str, tuple[Healthcheck, ...]] = {}
    cron: tuple[dict[str, Any], ...] = ()
    """As it stands in the file; `jobs` is what it says."""
    buildpacks: tuple[Buildpack, ...] = ()

    @property
    def variables(self) -> dict[str, Variable]:
        """`env`, with a bare text as the value that it is."""
        return {
            name: Variable(value=wanted) if isinstance(wanted, str) else wanted
            for name, wanted in self.env.items()
        }

    @property
    def jobs(self) -> dict[str, Cron]:
        """Cron jobs, by name."""
        return parse_listed_jobs(self.cron, FILE_NAME)

    @property
    def predeploy(self) -> tuple[str, ...]:
        """Commands that finish the built tree, at every deploy."""
        return _distinct(self.scripts.dokku.predeploy, self.scripts.predeploy)

    def postdeploy(self, *, first: bool) -> tuple[str, ...]:
        """Commands that follow a deploy."""
        at_first = self.scripts.postdeploy if first else ""
        return _distinct(self.scripts.dokku.postdeploy, at_first)


def parse_app_json(data: bytes) -> tuple[AppJson, str]:
    """What the file says, and a sentence that names what of it is not used; empty when all is.

    Raises:
        BuildError: it is not JSON, or something that ship uses cannot be as it stands there
    """
    found = _load(data)
    if not isinstance(found, dict):
        raise invalid("It holds no object.", "It begins with `{` and ends with `}`.")
    try:
        parsed = msgspec.convert(found, AppJson)
    except msgspec.ValidationError as error:
        raise _mismatch(_named_mismatch(found) or str(error)) from error
    _refuse_names(parsed)
    _refuse_nul(parsed)
    parse_listed_jobs(parsed.cron, FILE_NAME)
    ignored = sorted({_printable(name) for name in _ignored(found, parsed)})
    return parsed, f"{FILE_NAME}: {', '.join(ignored)} is of no use here." if ignored else ""


def _distinct(*commands: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(command for command in commands if command.strip()))


def _load(data: bytes) -> object:
    try:
        found = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_without_doubles)
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise invalid(f"Line {line} is not UTF-8.", "Save it as UTF-8.") from error
    except UnicodeEncodeError as error:
        detail = "A text in it has half a character, written as `\\ud800` or the like."
        raise invalid(detail, "Write the character itself.") from error
    except json.JSONDecodeError as error:
        seen = f"Line {error.lineno}, column {error.colno}: {error.msg}."
        advice = (
            "JSON has names and texts in double quotes, no comma behind the last entry, and no "
            "comments."
        )
        raise invalid(seen, advice) from error
    except RecursionError as error:
        raise invalid(
            "It is nested too deeply.", "Check that the right file was committed."
        ) from error
    except ValueError as error:
        raise invalid(f"{error}.", "Correct it.") from error
    return found


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"The name {name!r} stands in one object twice")
        found[name] = value
    return found


def _named_mismatch(found: Mapping[str, Any]) -> str:
    """What is wrong with an entry that has a name of the app's own, which msgspec's words leave
    out.
    """
    kinds: tuple[tuple[str, Any], ...] = (
        ("env", str | Variable),
        ("formation", Formation),
        ("healthchecks", tuple[Healthcheck, ...]),
    )
    for section, kind in kinds:
        entries = found.get(section)
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            try:
                msgspec.convert(entry, kind)
            except msgspec.ValidationError as error:
                seen, _, place = str(error).partition(" - at `$")
                return f"{seen} - at `$.{section}.{name}{place}"
    return ""


def _mismatch(said: str) -> BuildError:
    seen, _, place = said.partition(" - at `$")
    field = _printable(place.rstrip("`").lstrip("."))
    advice = form_of(re.split(r"[.\[]", field, maxsplit=1)[0])
    return invalid(f"`{field}`: {in_plain_words(seen)}", advice)


def _refuse_names(parsed: AppJson) -> None:
    for section, names, parse in (
        ("env", parsed.env, parse_config_name),
        ("formation", parsed.formation, parse_process_type),
        ("healthchecks", parsed.healthchecks, parse_process_type),
    ):
        for name in names:
            try:
                parse(name)
            except UsageError as error:
                raise invalid(f"`{section}`: {error.title} {error.detail}", error.advice) from error


def _refuse_nul(parsed: AppJson) -> None:
    texts = {f"env.{name}": wanted.value for name, wanted in parsed.variables.items()}
    texts |= {"scripts": "".join((*parsed.predeploy, *parsed.postdeploy(first=True)))}
    for place, text in texts.items():
        if "\0" in text:
            raise invalid(f"`{place}` holds a NUL byte.", "Leave it out.")


def _ignored(found: Mapping[str, Any], parsed: AppJson) -> Iterator[str]:
    """Names in the file that ship knows nothing of, each with the way to it."""
    yield from (name for name in _beyond(found, AppJson, "") if name not in _DESCRIBING)
    scripts = found.get("scripts", {})
    yield from _beyond(scripts, Scripts, "scripts.")
    yield from _beyond(scripts.get("dokku", {}), DokkuScripts, "scripts.dokku.")
    for name, wanted in found.get("env", {}).items():
        if isinstance(wanted, dict):
            yield from _beyond(wanted, Variable, f"env.{name}.")
    for entry in parsed.cron:
        yield from (f"cron.{name}" for name in entry if name not in ListedJob.__struct_fields__)
    for name in parsed.formation:
        yield from _beyond(found["formation"][name], Formation, f"formation.{name}.")
    for name in parsed.healthchecks:
        for check in found["healthchecks"][name]:
            yield from _beyond(check, Healthcheck, f"healthchecks.{name}.")


def _beyond(found: Mapping[str, Any], kind: type[msgspec.Struct], way: str) -> Iterator[str]:
    return (f"{way}{name}" for name in found if name not in kind.__struct_encode_fields__)


def _printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)[1:-1]


def form_of(section: str) -> str:
    """A sentence that shows how a section is written."""
    return f'It is written as in `"{section}": {_FORMS[section]}`.'


def invalid(detail: str, advice: str) -> BuildError:
    """The error for a file that cannot be as it stands."""
    return BuildError(
        f"{FILE_NAME} cannot be read.",
        detail=detail,
        advice=advice,
        reason="build/app-json-invalid",
    )
