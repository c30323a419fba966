"""What Ship makes of Heroku's files, and of the config vars of an app there.

Most of the files Ship reads itself. Pure.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from receiver.deploy.app_json.checks import declared_check
from receiver.deploy.app_json.scale import initial_scale
from receiver.importing.piku import import_process
from receiver.importing.values import Fate, Finding, Imported, together
from receiver.model.app_json import FILE_NAME as APP_JSON
from receiver.model.app_json import AppJson, parse_app_json
from receiver.model.check import Check
from receiver.model.classic import canonical, without_password
from receiver.model.errors import ShipError
from receiver.model.patterns import regex

PROCFILE, RUNTIME, SLUGIGNORE = "Procfile", "runtime.txt", ".slugignore"
_LINE = regex(r"([^:\s]+)[ \t]*:[ \t]*(.*)")
_THEIRS = regex(r"HEROKU_\w+|DYNO\w*|BUILDPACK_URL|DOKKU_\w+|GIT_REV")
_OF_ADDONS = regex(
    r"\.((compute|rds|cache)(-\d+)?\.amazonaws|heroku|rediscloud|redislabs|cloudamqp|mlab)\.(com|net)\b"
)
"""Hosts of databases and queues that go with the app over there; S3 and the like do not."""
_OF_THE_APP = regex(r"\.herokuapp\.com\b")
_ADDONS = {
    "heroku-postgresql": "DATABASE_URL",
    "heroku-redis": "REDIS_URL",
    "rediscloud": "REDISCLOUD_URL",
    "heroku-data-for-redis": "REDIS_URL",
    "cloudamqp": "CLOUDAMQP_URL",
    "memcachier": "MEMCACHIER_SERVERS",
    "scheduler": "",
    "heroku-scheduler": "",
}
_LOG_ADDONS = {"coralogix", "logdna", "logentries", "logtail", "papertrail", "sumologic"}
_OTHER_SECTIONS: Mapping[str, str] = {
    "description": "It tells people about the app, and Ship nothing.",
    "environments": "Review apps and CI are not Ship's; `ship apps:clone` makes a second app.",
    "image": "Ship builds from source.",
    "stack": "Ship runs apps on the server's own system.",
}
_DESCRIBING = {"$schema", "keywords", "logo", "name", "repository", "success_url", "website"}


def import_procfile(text: str, first: Mapping[str, int], typed: Mapping[str, int]) -> Imported:
    """Each line of the Procfile; those of Piku's own kinds are put into Ship's form.

    Args:
        text: the file
        first: how many processes the first push has run, as app.json wants
        typed: how many another file asks for, by a command that is told there
    """
    parts = []
    for number, line in enumerate(text.splitlines(), start=1):
        found = _LINE.fullmatch(line.strip())
        seen = f"{number}: {line.strip()}"
        if not line.strip() or line.strip().startswith("#"):
            continue
        if found is None:
            parts.append(
                _one(
                    PROCFILE,
                    seen,
                    "hand",
                    "A push is refused while there is no type before a colon.",
                )
            )
            continue
        kept = _one(PROCFILE, seen, "kept", _process(found[1], first, typed))
        parts.append(import_process(seen, found[1], found[2]) or kept)
    return together(parts)


def import_runtime(text: str) -> Imported:
    """The one line of runtime.txt."""
    version = text.strip().removeprefix("python-")
    told = (
        "It is read. Its newer form is a file .python-version, with "
        f"{'.'.join(version.split('.')[:2])} in it."
    )
    return _one(RUNTIME, f"1: {text.strip()}", "kept", told)


def import_slugignore(text: str) -> Imported:
    """Each pattern of .slugignore."""
    parts = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        kept = not line.startswith("!")
        told = (
            "It is left out of each release."
            if kept
            else "No line brings back what another leaves out."
        )
        parts.append(
            _one(SLUGIGNORE, f"{number}: {line.strip()}", "kept" if kept else "lost", told)
        )
    return together(parts)


def import_app_json(data: bytes, raw: Mapping[str, Any]) -> Imported:
    """Each entry of app.json.

    Raises:
        BuildError: a push with it would be refused
    """
    parsed, _ = parse_app_json(data)
    sections = {
        "addons": _addons(raw.get("addons", ())),
        "buildpacks": _buildpacks(parsed),
        "cron": _cron(parsed),
        "env": _env(parsed),
        "formation": _formation(parsed),
        "healthchecks": _healthchecks(parsed),
        "scripts": _scripts(parsed),
    }
    found: list[Finding] = []
    for name in raw:
        found += sections.get(name) or _other(name)
    return Imported(findings=tuple(found))


def import_config(values: Mapping[str, str], file: str) -> Imported:
    """Config vars as `heroku config --json` prints them."""
    return together(_config_var(file, name, value) for name, value in values.items())


def _config_var(file: str, name: str, value: str) -> Imported:
    seen = f"{name}=..."
    if _THEIRS.fullmatch(name):
        return _one(file, seen, "lost", "The platform set it for itself.")
    if name == "PORT":
        return _one(file, seen, "lost", "The web process is given a port by Ship.")
    if name == "WEB_CONCURRENCY" and value.isdecimal():
        words = ("ps:scale", f"web={value}")
        finding = Finding(file, f"{name}={value}", "command", f"ship {' '.join(words)}")
        return Imported(findings=(finding,), commands=(words,))
    told = f"ship config:set {name}=..."
    if _OF_ADDONS.search(value):
        told = (
            "It leads to a service of the old platform, so --apply leaves it out. Copy what is "
            f"there, then: {told}"
        )
        return Imported(findings=(Finding(file, seen, "hand", told),), left_out=(name,))
    if _OF_THE_APP.search(value):
        told += " It names the app's address over there: set the new one before you leave."
    return Imported(findings=(Finding(file, seen, "config", told),), config={name: value})


def app_json_scale(data: bytes) -> dict[str, int]:
    """How many processes of each type the first push has run.

    Raises:
        BuildError: a push with it would be refused
    """
    formation = parse_app_json(data)[0].formation
    return initial_scale(formation, formation)[0]


def _process(name: str, first: Mapping[str, int], typed: Mapping[str, int]) -> str:
    if name == "web":
        return "It serves the site; a plain call of gunicorn is run under Ship's own settings."
    if name == "release":
        return "It runs before each release takes over, and its failure refuses the push."
    if first.get(name):
        return f"The first push has {first[name]} run, as app.json says."
    return f"It runs when it is scaled: ship ps:scale {name}={typed.get(name) or 1}"


def _env(parsed: AppJson) -> Iterator[Finding]:
    for name, wanted in parsed.variables.items():
        seen = f"env.{name}"
        if wanted.value:
            yield Finding(
                APP_JSON, seen, "kept", "The first push sets it to the value given there."
            )
        elif wanted.generator:
            yield Finding(APP_JSON, seen, "kept", "The first push makes a secret up for it.")
        elif wanted.required:
            told = f"Without it the first push is refused: ship config:set {name}=..."
            yield Finding(APP_JSON, seen, "hand", told)
        else:
            yield Finding(
                APP_JSON, seen, "kept", f"The app can do without: ship config:set {name}=..."
            )


def _formation(parsed: AppJson) -> Iterator[Finding]:
    wanted, notices = initial_scale(parsed.formation, parsed.formation)
    for name, group in parsed.formation.items():
        told = f"The first push has {wanted[name]} run." if name in wanted else ""
        about = next((it for it in notices if f"formation.{name} " in it), "")
        alone = (
            "One web process has as many workers as its command or WEB_CONCURRENCY says, else 2."
        )
        seen = f"formation.{name}" + (f": {group.quantity}" if group.quantity is not None else "")
        yield Finding(
            APP_JSON, seen, "kept" if told or not about else "lost", told or about or alone
        )


def _healthchecks(parsed: AppJson) -> Iterator[Finding]:
    check, notices = declared_check(parsed.healthchecks, Check())
    told = f"A new release is asked for {check.path}."
    yield Finding(APP_JSON, "healthchecks", "kept", " ".join((told, *notices)))


def _cron(parsed: AppJson) -> Iterator[Finding]:
    for name, job in parsed.jobs.items():
        told = f"It is the job {name}; times are UTC. `ship cron` shows when it is due."
        yield Finding(APP_JSON, f"cron: {job.schedule} {job.command}", "kept", told)


def _scripts(parsed: AppJson) -> Iterator[Finding]:
    scripts = parsed.scripts
    for name, command, when in (
        ("dokku.predeploy", scripts.dokku.predeploy, "It runs in each build."),
        ("predeploy", scripts.predeploy, "It runs in each build."),
        ("dokku.postdeploy", scripts.dokku.postdeploy, "It runs after each deploy."),
        ("postdeploy", scripts.postdeploy, "It runs after the first deploy."),
    ):
        if command:
            yield Finding(APP_JSON, f"scripts.{name}: {command}", "kept", when)


def _buildpacks(parsed: AppJson) -> Iterator[Finding]:
    for buildpack in parsed.buildpacks:
        seen = f"buildpacks: {without_password(buildpack.url)}"
        try:
            told = f"It is Ship's own buildpack {canonical(buildpack.url, {})}."
            yield Finding(APP_JSON, seen, "kept", told)
        except ShipError:
            told = (
                "The administrator can let it in, under [buildpacks] of the server's ship.toml; "
                "without it, what fits is found."
            )
            yield Finding(APP_JSON, seen, "hand", told)


def _addons(entries: object) -> Iterator[Finding]:
    for entry in entries if isinstance(entries, list) else ():
        plan = str(entry.get("plan", "") if isinstance(entry, dict) else entry)
        name = plan.partition(":")[0]
        variable = _ADDONS.get(name)
        if variable == "":
            told = "Cron jobs are declared: [cron.NAME] in ship.toml with a schedule and a command."
        elif name in _LOG_ADDONS:
            told = "`ship logs` keeps the log; to send it there as before: ship drains:add ADDRESS"
        else:
            where = variable or "the config var that the app reads"
            told = f"Ship has no services of its own: install or rent one, and set {where}."
        yield Finding(APP_JSON, f"addons: {plan}", "hand", told)


def _other(name: str) -> list[Finding]:
    tells_people = name in _DESCRIBING
    unknown = _OTHER_SECTIONS["description"] if tells_people else "Ship makes no use of it."
    return [Finding(APP_JSON, name, "lost", _OTHER_SECTIONS.get(name, unknown))]


def _one(file: str, seen: str, fate: Fate, told: str) -> Imported:
    return Imported(findings=(Finding(file, seen, fate, told),))
