"""Every command of `ship`, where it is written, and its other names.

Importing this imports no command.
"""

from receiver.model.grant import Needs

COMMANDS: dict[str, tuple[str, Needs]] = {
    "access": ("access:report", "view"),
    "access:add": ("access:add", "manage"),
    "access:remove": ("access:remove", "manage"),
    "access:update": ("access:update", "manage"),
    "apps": ("apps:list_apps", "nothing"),
    "apps:clone": ("clone:clone", "admin"),
    "apps:create": ("apps:create", "admin"),
    "apps:destroy": ("destroy:destroy", "manage"),
    "apps:exists": ("apps:exists", "view"),
    "apps:info": ("apps:info", "view"),
    "apps:lock": ("locks:lock", "manage"),
    "apps:locked": ("locks:locked", "view"),
    "apps:open": ("open:open_", "view"),
    "apps:rename": ("apps:rename", "admin"),
    "apps:unlock": ("locks:unlock", "manage"),
    "apps:urls": ("open:urls", "view"),
    "audit": ("audit:report", "nothing"),
    "audit:verify": ("audit:verify", "admin"),
    "buildpacks": ("buildpacks:list_buildpacks", "view"),
    "buildpacks:add": ("buildpacks:add", "manage"),
    "buildpacks:clear": ("buildpacks:clear", "manage"),
    "buildpacks:remove": ("buildpacks:remove", "manage"),
    "buildpacks:set": ("buildpacks:set_", "manage"),
    "builds": ("builds:list_builds", "view"),
    "builds:cancel": ("builds:cancel", "deploy"),
    "builds:info": ("builds:info", "view"),
    "builds:output": ("builds:output", "view"),
    "capacity": ("capacity:report", "admin"),
    "check": ("check:check", "deploy"),
    "checks": ("checks:report", "view"),
    "checks:run": ("checks:run", "deploy"),
    "checks:set": ("checks:set_", "manage"),
    "checks:unset": ("checks:unset", "manage"),
    "completion": ("completion:completion", "nothing"),
    "completion:words": ("completion:words", "nothing"),
    "config": ("config:show_all", "deploy"),
    "config:clear": ("config_set:clear", "deploy"),
    "config:edit": ("config_edit:edit", "deploy"),
    "config:export": ("config:export", "deploy"),
    "config:get": ("config:get", "deploy"),
    "config:history": ("config:history", "view"),
    "config:import": ("config_set:import_", "deploy"),
    "config:keys": ("config:keys", "view"),
    "config:set": ("config_set:set_", "deploy"),
    "config:unset": ("config_set:unset", "deploy"),
    "cron": ("cron:list_jobs", "view"),
    "cron:fire": ("cron:fire", "admin"),
    "cron:history": ("cron:history", "view"),
    "cron:output": ("cron:output", "view"),
    "cron:resume": ("cron:resume", "manage"),
    "cron:run": ("cron:run", "deploy"),
    "cron:schedule": ("cron:schedule", "admin"),
    "cron:suspend": ("cron:suspend", "manage"),
    "doctor": ("doctor:doctor", "manage"),
    "drains": ("drains:list_drains", "view"),
    "drains:add": ("drains:add", "manage"),
    "drains:remove": ("drains:remove", "manage"),
    "drains:serve": ("drains:serve", "admin"),
    "drains:test": ("drains:test", "manage"),
    "git:clone": ("git:clone", "view"),
    "git:refused": ("git:refused", "deploy"),
    "git:remote": ("git:remote", "view"),
    "help": ("about:help_", "nothing"),
    "import": ("import_:import_", "nothing"),
    "keys": ("keys:list_keys", "admin"),
    "keys:add": ("keys:add", "admin"),
    "keys:remove": ("keys:remove", "admin"),
    "keys:rename": ("keys:rename", "admin"),
    "limits": ("limits:report", "view"),
    "limits:set": ("limits:set_", "manage"),
    "limits:unset": ("limits:unset", "manage"),
    "local": ("local:local", "nothing"),
    "local:run": ("local:run", "nothing"),
    "logs": ("logs:logs", "view"),
    "logs:failed": ("builds:failed", "view"),
    "maintenance": ("maintenance:report", "view"),
    "maintenance:off": ("maintenance:off", "deploy"),
    "maintenance:on": ("maintenance:on", "deploy"),
    "plan": ("plan:plan", "deploy"),
    "ps": ("ps:list_processes", "view"),
    "ps:restart": ("ps:restart", "deploy"),
    "ps:scale": ("ps:scale", "manage"),
    "ps:start": ("ps:start", "manage"),
    "ps:stop": ("ps:stop", "manage"),
    "ps:wait": ("ps:wait", "view"),
    "releases": ("releases:list_releases", "view"),
    "releases:info": ("releases:info", "view"),
    "releases:output": ("releases:output", "view"),
    "releases:retry": ("releases:retry", "deploy"),
    "releases:rollback": ("releases:rollback", "deploy"),
    "run": ("run:run", "deploy"),
    "run:detached": ("run:detached", "deploy"),
    "run:list": ("runs:list_runs", "view"),
    "run:output": ("runs:output", "deploy"),
    "run:stop": ("runs:stop", "deploy"),
    "server:demo": ("server:demo", "admin"),
    "server:install": ("server:install", "admin"),
    "server:recover": ("server:recover", "admin"),
    "server:rotate": ("server:rotate", "admin"),
    "server:start": ("server:start", "admin"),
    "server:status": ("server:status", "admin"),
    "server:stop": ("server:stop", "admin"),
    "server:uninstall": ("server:uninstall", "admin"),
    "storage": ("storage:report", "view"),
    "storage:get": ("storage_copy:get", "deploy"),
    "storage:ls": ("storage_copy:list_files", "deploy"),
    "storage:mount": ("storage:mount", "manage"),
    "storage:put": ("storage_copy:put", "deploy"),
    "storage:quota": ("storage:quota", "manage"),
    "storage:unmount": ("storage:unmount", "manage"),
    "version": ("about:version", "nothing"),
    "whoami": ("access:whoami", "nothing"),
}
"""By command: module of this package and function in it, and the grant that a key must hold to
call it."""

GIT_REFUSED = "git:refused"
"""The hidden command by which root records a push that the gate has refused."""
_ONLY_LOOK = frozenset(
    {
        "audit:verify",
        "capacity",
        "checks:run",
        "keys",
        "plan",
        "run:output",
        GIT_REFUSED,
    }
)
HERE_FOR_ALL = frozenset({"completion", "completion:words", "help", "version"})
"""What acts where it is typed and needs no grant, and may come over ssh all the same: on the
server, all else would act as root."""
SECRETS_AMONG = frozenset({"releases:info"})
"""What shows values of config vars only to those who may deploy, and is on record then."""

ALIASES: dict[str, str] = {
    "access:list": "access",
    "acl:add": "access:add",
    "acl:list": "access",
    "acl:remove": "access:remove",
    "apps:delete": "apps:destroy",
    "apps:fork": "apps:clone",
    "apps:list": "apps",
    "apps:report": "apps:info",
    "auth:whoami": "whoami",
    "autocomplete": "completion",
    "builds:list": "builds",
    "checks:report": "checks",
    "clone": "apps:clone",
    "config:add": "config:set",
    "config:list": "config",
    "config:remove": "config:unset",
    "config:show": "config",
    "console": "run",
    "create": "apps:create",
    "cron:list": "cron",
    "delete": "apps:destroy",
    "destroy": "apps:destroy",
    "drains:list": "drains",
    "fork": "apps:clone",
    "info": "apps:info",
    "limits:report": "limits",
    "list": "apps",
    "local:start": "local",
    "lock": "apps:lock",
    "maintenance:disable": "maintenance:off",
    "maintenance:enable": "maintenance:on",
    "maintenance:report": "maintenance",
    "open": "apps:open",
    "ps:kill": "ps:stop",
    "ps:rebuild": "releases:retry",
    "ps:report": "ps",
    "rename": "apps:rename",
    "resource:limit": "limits:set",
    "resource:limit-clear": "limits:unset",
    "resource:report": "limits",
    "restart": "ps:restart",
    "rollback": "releases:rollback",
    "run:logs": "run:output",
    "scale": "ps:scale",
    "ssh-keys": "keys",
    "ssh-keys:add": "keys:add",
    "ssh-keys:remove": "keys:remove",
    "start": "ps:start",
    "stop": "ps:stop",
    "storage:list": "storage",
    "storage:report": "storage",
    "unlock": "apps:unlock",
    "url": "apps:urls",
    "urls": "apps:urls",
}
"""Names that people bring along from elsewhere, and short ones."""


def canonical(name: str) -> str | None:
    """The command that a name means; None when it means none."""
    found = ALIASES.get(name, name)
    return found if found in COMMANDS else None


def needed(name: str) -> Needs:
    """The grant that a command takes; one that is not in the table takes them all."""
    return COMMANDS[name][1] if name in COMMANDS else "admin"


def is_recorded(name: str) -> bool:
    """Whether the audit tells of a command: of all that take more than the grant view, but those
    that only look.
    """
    return needed(name) in {"deploy", "manage", "admin"} and name not in _ONLY_LOOK


def find(words: list[str]) -> tuple[str, list[str]] | None:
    """The command that a line of words begins with, and what follows: `apps:create` and `apps
    create` alike.
    """
    if len(words) > 1 and (joined := canonical(f"{words[0]}:{words[1]}")):
        return joined, words[2:]
    name = canonical(words[0])
    return (name, words[1:]) if name else None


def similar(words: list[str]) -> list[str]:
    """Commands that somebody who typed these words may have meant, the likeliest first."""
    import difflib

    known = [*COMMANDS, *ALIASES]
    typed = [":".join(words[:2]), words[0]]
    close = [match for text in typed for match in difflib.get_close_matches(text, known, n=2)]
    return list(dict.fromkeys(close))[:3]
