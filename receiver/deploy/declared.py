"""What an app.json asks of a deploy, done: config vars and numbers of processes at the first
one, health checks.
"""

import secrets
from collections.abc import Callable, Collection, Mapping

from receiver.deploy.declared_checks import declared_check
from receiver.deploy.declared_config import initial_config, refuse_unset, unset_values
from receiver.deploy.declared_scale import initial_scale
from receiver.deploy.transition import Transition
from receiver.model.app_json import FILE_NAME, AppJson, parse_app_json
from receiver.model.build import Tree
from receiver.model.check import Check
from receiver.model.classic import canonical
from receiver.model.config_vars import Difference
from receiver.model.errors import ShipError
from receiver.model.output import Output
from receiver.state import records

_SECRET_BYTES = 32


def read(tree: Tree, own: Check, out: Output) -> tuple[AppJson, Check]:
    """The app.json of a tree, an empty one where there is none; and how its code wants a release
    checked.

    Args:
        tree: the tree
        own: [check] of its ship.toml, which goes before the health checks of app.json
        out: is told what of the file does not count

    Raises:
        BuildError: it cannot be read
    """
    if not tree.has(FILE_NAME):
        return AppJson(), own
    found, notice = parse_app_json(tree.read(FILE_NAME))
    check, notices = declared_check(found.healthchecks, own)
    for said in (notice, *notices):
        if said:
            out.say(said)
    return found, check


def buildpacks(declared: AppJson, allowed: Mapping[str, str], out: Output) -> tuple[str, ...]:
    """The buildpacks that app.json names; none where the server lacks one of them, because half
    of a build is none.
    """
    try:
        names = [canonical(one.url, allowed) for one in declared.buildpacks]
    except ShipError as refused:
        out.say(f"The buildpacks of {FILE_NAME} are left out. {refused.title}")
        return ()
    return tuple(dict.fromkeys(names))


def settle_scale(work: Transition, declared: AppJson, types: Collection[str]) -> None:
    """At the first deploy, have as many processes as app.json wants; later, `ps:scale` alone
    says how many.
    """
    if work.old is not None or not declared.formation:
        return
    wanted, notices = initial_scale(declared.formation, types)
    for notice in notices:
        work.out.say(notice)
    work.propose_scale(wanted)


def settle_config(
    work: Transition,
    declared: AppJson,
    secret: Callable[[], str] = lambda: secrets.token_hex(_SECRET_BYTES),
) -> dict[str, str]:
    """The config vars of the release to be; at the first deploy, with those that app.json brings
    along.

    They are part of the change: where it comes to nothing, so do they.

    Raises:
        BuildError: a required one has no value
    """
    config = records.read_config(work.paths.config)
    variables = declared.variables
    refuse_unset(variables, config)
    if work.old is not None:
        _tell_pending(work, config)
        for name in unset_values(variables, config):
            work.out.say(
                f"{name} is not set; app.json's values are for the first deploy. `ship "
                f"config:set {name}=...` sets it."
            )
        return config
    new = initial_config(variables, config, secret)
    if new:
        work.out.step("Setting the config vars of app.json")
        for name in new:
            work.out.say(
                f"{name}: {'the value given there' if variables[name].value else 'a new secret'}"
            )
        config |= new
        work.change_config(config)
    return config


def _tell_pending(work: Transition, config: Mapping[str, str]) -> None:
    if work.old is None:
        return
    runs = records.read_config(work.paths.release(work.old.version).env)
    if pending := Difference.between(runs, config):
        work.out.say(f"Pending config vars come along: {pending}.")
