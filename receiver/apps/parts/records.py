"""What is on record of an app: its releases and builds, its config vars, who may do what to it."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from receiver.access import grants
from receiver.apps.parts.host_names import names_host, with_own_host
from receiver.changes.part import Copying, Part
from receiver.hosts.accounts import ids
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.release import Build
from receiver.server import Server
from receiver.state import records


class Releases(Part):
    """The releases and the builds that made them: a clone begins with none, and makes its first."""

    settings = ("buildpacks", "check", "check_limit_s", "clone_of", "root")

    def rename(self, server: Server, was: AppName, name: AppName) -> None:
        paths = server.layout.app(name)
        for version in records.release_versions(paths):
            _rename_release(server, paths, version)
        for number in records.build_numbers(paths):
            build = records.read_json(paths.builds / f"{number}.json", Build)
            if build is not None:
                records.write_build(paths, replace(build, app=name))


class ConfigVars(Part):
    """The config vars; in a clone, its own host name stands where the original's was."""

    def copy(self, copying: Copying) -> None:
        own = with_own_host(copying.config, copying.original.address, copying.address)
        config = {**copying.config, **own}
        records.write_config(copying.paths.config, config, mode=0o600)
        for line in _told(copying, config, own):
            copying.out.say(line)


class Grants(Part):
    """What keys were granted for the app alone: it goes with the app's folder, and to no clone."""

    def copy(self, copying: Copying) -> None:
        old = copying.original.name
        if keys := sorted(grants.of_app(copying.original.server.layout, old)):
            copying.out.say(
                f"Grants stay with {old}: {', '.join(keys)}. To give one: ship access:add -a "
                f"{copying.paths.name} {keys[0]} deploy"
            )


def _rename_release(server: Server, paths: AppPaths, version: int) -> None:
    release = records.read_release(paths, version)
    venv = paths.venvs / Path(release.venv).name if release.venv else None
    renamed = replace(
        release,
        app=paths.name,
        venv=str(venv) if venv else None,
        address=server.address(paths.name),
        hosts=(server.address(paths.name), *release.hosts[1:]),
    )
    records.write_release(paths, renamed, ids(server.host.accounts.owner(paths.name))[1])


def _told(copying: Copying, config: Mapping[str, str], own: Collection[str]) -> Iterator[str]:
    old, new = copying.original, copying.paths.name
    if config:
        yield (
            f"Config vars: {len(config)} copied, secrets among them. What they lead to, such as "
            "a database, both apps use."
        )
    if own:
        yield f"{', '.join(sorted(own))}: {old.address} became {copying.address}."
    if left := _of_the_original(copying, config):
        yield (
            f"These name {old.name} itself: {', '.join(left)}. To change: ship config:set -a "
            f"{new} {left[0]}=..."
        )


def _of_the_original(copying: Copying, config: Mapping[str, str]) -> list[str]:
    """Config vars in whose values the original's address or folder stands."""
    original = copying.original
    hosts, home = (original.address, *original.settings.domains), f"{original.paths.home}/"
    return sorted(
        name
        for name, value in config.items()
        if home in value or any(names_host(value, host) for host in hosts)
    )
