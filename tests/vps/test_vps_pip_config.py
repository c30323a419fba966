"""A machine on a computer whose pip configuration names files: it has them, and installs."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.certificates import server_context
from tests.embedded.package_index import Index, package_index, wheel
from tests.vps import pip_here
from tests.vps.machine import Machine

HOST = "packages.test"
USER, PASSWORD = "buyer", "of/the:house"
CONFIG = """
[global]
index-url = https://{host}:{port}/simple
extra-index-url = file://{folder}/house/simple
find-links = {folder}/wheels {folder}/gone
cert = {folder}/ca.crt
cache-dir = {folder}/cache
[install]
constraint = {folder}/constraints.txt
client-cert = {folder}/client.pem
"""
PACKAGES = ("shipsold", "shiphouse", "shipwheel")


@dataclass(frozen=True)
class Configured:
    """A machine, the folder that the configuration names files of, and the index it asks."""

    machine: Machine
    folder: Path
    index: Index


@pytest.fixture(scope="module")
def configured(warm_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Configured]:
    folder = tmp_path_factory.mktemp("config")
    tls = server_context(folder, f"DNS:{HOST}", asks=True)
    sold = dict((wheel("shipsold", "1.0"), wheel("shipsold", "2.0")))
    with (
        package_index(sold, USER, PASSWORD, address="0.0.0.0", tls=tls) as index,
        pytest.MonkeyPatch.context() as patch,
    ):
        _configure(folder, index.port, patch)
        pip_here.handed.cache_clear()
        with Machine.boot(warm_tree, "configured") as machine:
            _prepare(machine)
            yield Configured(machine, folder, index)
    pip_here.handed.cache_clear()


def test_pip_installs_by_what_the_files_say(configured: Configured) -> None:
    machine = configured.machine
    machine.run(("python3", "-m", "venv", "/root/by-pip"))
    machine.run(("/root/by-pip/bin/pip", "install", *PACKAGES))
    assert _says(machine, "by-pip") == ["shipsold 1.0", "shiphouse 1.0", "shipwheel 1.0"]
    assert configured.index.refused == [], "the address has the login of netrc"


@pytest.mark.parametrize(("limit", "version"), [(None, "2.0"), ("constraints.txt", "1.0")])
def test_uv_installs_with_the_constraint_and_without(
    configured: Configured, limit: str | None, version: str
) -> None:
    machine, place = configured.machine, f"by-uv-{version}"
    machine.run(("uv", "venv", "-q", f"/root/{place}"))
    options = ("--constraints", str(configured.folder / limit)) if limit else ()
    python = f"/root/{place}/bin/python"
    machine.run(("uv", "pip", "install", "--python", python, *options, *PACKAGES))
    assert _says(machine, place) == [f"shipsold {version}", "shiphouse 1.0", "shipwheel 1.0"]


def test_what_a_machine_does_not_get_is_told(configured: Configured) -> None:
    gone, cache = configured.folder / "gone", "a machine writes to its own places"
    assert set(pip_here.handed().left_out) >= {
        f"global.find-links: nothing is at {gone}",
        f"global.cache-dir: {cache}",
    }
    assert "cache-dir" not in configured.machine.read("/etc/pip.conf")


def test_only_root_reads_the_login(configured: Configured) -> None:
    netrc = "/root/.netrc"
    assert PASSWORD in configured.machine.read(netrc)
    assert configured.machine.run(("stat", "-c", "%U %a", netrc)).stdout == "root 600\n"


def _configure(folder: Path, port: int, patch: pytest.MonkeyPatch) -> None:
    _write_packages(folder)
    (folder / "constraints.txt").write_text("-c more.txt\n")
    (folder / "more.txt").write_text("shipsold<2\n")
    (folder / ".netrc").write_text(f"machine {HOST} login {USER} password {PASSWORD}\n")
    (folder / "pip.conf").write_text(CONFIG.format(host=HOST, port=port, folder=folder))
    for name in ("PIP_CERT", "PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "NETRC"):
        patch.delenv(name, raising=False)
    patch.setenv("HOME", str(folder))
    patch.setenv("XDG_CONFIG_DIRS", str(folder))
    patch.setenv("PIP_CONFIG_FILE", str(folder / "pip.conf"))


def _write_packages(folder: Path) -> None:
    """A folder of wheels, and an index of files whose page links to the folder above it."""
    for name, place in (("shipwheel", "wheels"), ("shiphouse", "house/files")):
        file, data = wheel(name, "1.0")
        (folder / place).mkdir(parents=True)
        (folder / place / file).write_bytes(data)
        page = folder / f"house/simple/{name}/index.html"
        if place == "house/files":
            page.parent.mkdir(parents=True)
            page.write_text(f'<!DOCTYPE html><a href="../../files/{file}">{file}</a>')


def _prepare(machine: Machine) -> None:
    """This computer under the index's name, and the uv of the tests."""
    gateway = machine.run("ip route show default").stdout.split()[2]
    machine.run(f"echo {gateway} {HOST} >> /etc/hosts")
    machine.copy_in(Path(sys.executable).with_name("uv"), "/usr/local/bin/uv")


def _says(machine: Machine, place: str) -> list[str]:
    script = "".join(f"import {name}; print({name}.SAYS);" for name in PACKAGES)
    return machine.run((f"/root/{place}/bin/python", "-c", script)).stdout.splitlines()
