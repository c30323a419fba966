"""Every command of `ship`, where it is written, and its other names. Importing this imports no command."""

COMMANDS: dict[str, str] = {
    "apps": "apps:list_apps",
    "apps:create": "apps:create",
    "apps:destroy": "apps:destroy",
    "apps:info": "apps:info",
    "apps:rename": "apps:rename",
    "buildpacks": "buildpacks:list_buildpacks",
    "buildpacks:add": "buildpacks:add",
    "buildpacks:clear": "buildpacks:clear",
    "buildpacks:remove": "buildpacks:remove",
    "buildpacks:set": "buildpacks:set_",
    "builds": "builds:list_builds",
    "builds:cancel": "builds:cancel",
    "builds:info": "builds:info",
    "builds:output": "builds:output",
    "check": "check:check",
    "capacity": "capacity:report",
    "checks": "checks:report",
    "checks:run": "checks:run",
    "checks:set": "checks:set_",
    "checks:unset": "checks:unset",
    "config": "config:show_all",
    "config:get": "config:get",
    "config:set": "config:set_",
    "config:unset": "config:unset",
    "cron": "cron:list_jobs",
    "cron:fire": "cron:fire",
    "cron:history": "cron:history",
    "cron:output": "cron:output",
    "cron:resume": "cron:resume",
    "cron:run": "cron:run",
    "cron:schedule": "cron:schedule",
    "cron:suspend": "cron:suspend",
    "git:remote": "git:remote",
    "help": "about:help_",
    "keys": "keys:list_keys",
    "keys:add": "keys:add",
    "keys:remove": "keys:remove",
    "limits": "limits:report",
    "limits:set": "limits:set_",
    "limits:unset": "limits:unset",
    "logs": "logs:logs",
    "logs:failed": "builds:failed",
    "plan": "plan:plan",
    "ps": "ps:list_processes",
    "ps:restart": "ps:restart",
    "ps:scale": "ps:scale",
    "ps:start": "ps:start",
    "ps:stop": "ps:stop",
    "ps:wait": "ps:wait",
    "releases": "releases:list_releases",
    "releases:info": "releases:info",
    "releases:output": "releases:output",
    "releases:retry": "releases:retry",
    "releases:rollback": "releases:rollback",
    "run": "run:run",
    "run:detached": "run:detached",
    "run:list": "runs:list_runs",
    "run:output": "runs:output",
    "run:stop": "runs:stop",
    "server:demo": "server:demo",
    "server:install": "server:install",
    "server:recover": "server:recover",
    "server:start": "server:start",
    "server:status": "server:status",
    "server:stop": "server:stop",
    "server:uninstall": "server:uninstall",
    "version": "about:version",
}
"""Module of this package and function in it, by command."""

ALIASES: dict[str, str] = {
    "apps:delete": "apps:destroy",
    "apps:list": "apps",
    "builds:list": "builds",
    "checks:report": "checks",
    "config:add": "config:set",
    "config:remove": "config:unset",
    "config:show": "config",
    "console": "run",
    "create": "apps:create",
    "cron:list": "cron",
    "delete": "apps:destroy",
    "destroy": "apps:destroy",
    "info": "apps:info",
    "list": "apps",
    "ps:kill": "ps:stop",
    "ps:rebuild": "releases:retry",
    "ps:report": "ps",
    "rename": "apps:rename",
    "limits:report": "limits",
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
}
"""Names that people bring along from elsewhere, and short ones."""


def canonical(name: str) -> str | None:
    """The command that a name means; None when it means none."""
    found = ALIASES.get(name, name)
    return found if found in COMMANDS else None


def find(words: list[str]) -> tuple[str, list[str]] | None:
    """The command that a line of words begins with, and what follows: `apps:create` and `apps create` alike."""
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
