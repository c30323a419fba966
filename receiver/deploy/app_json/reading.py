"""Reads the app.json of a pushed tree: what it declares, its health check, its buildpacks."""

from collections.abc import Mapping

from receiver.deploy.app_json.checks import declared_check
from receiver.model.app_json import FILE_NAME, AppJson, parse_app_json
from receiver.model.build import Tree
from receiver.model.check import Check
from receiver.model.classic import canonical
from receiver.model.errors import ShipError
from receiver.model.output import Output


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
    """The buildpacks that app.json names; none where the server lacks one of them, because half of
    a build is none.
    """
    try:
        names = [canonical(one.url, allowed) for one in declared.buildpacks]
    except ShipError as refused:
        out.say(f"The buildpacks of {FILE_NAME} are left out. {refused.title}")
        return ()
    return tuple(dict.fromkeys(names))
