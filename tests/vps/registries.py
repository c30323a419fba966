"""How this computer reaches its package registries, handed on to a tree at test time.

Nothing of it is ever written into the repository: it may hold addresses and passwords.
"""

import configparser
import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.vps import pip_here
from tests.vps.pip_here import Handed

APT = Path("etc/apt")
APT_ENTRIES = (
    "sources.list", "sources.list.d", "apt.conf", "apt.conf.d", "trusted.gpg.d", "keyrings",
    "auth.conf", "auth.conf.d", "preferences", "preferences.d",
)  # fmt: skip
EMPTIES_THE_CACHE = "docker-clean"  # a container image's habit: it would undo the warm tree
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def configure(root: Path) -> None:
    """Make apt, pip and uv inside the tree reach what they reach out here."""
    given = pip_here.handed()
    _copy_apt(root)
    _copy_certificates(root, given.certificates)
    _copy_name_service(root)
    _copy_netrc(root, given.netrc)
    (root / "etc/pip.conf").write_text(pip_conf(given.settings))
    (root / "etc/uv").mkdir(exist_ok=True)
    (root / "etc/uv/uv.toml").write_text(uv_toml(given))
    lines = [f'{name}="{value}"\n' for name, value in environment().items()]
    (root / "etc/environment").write_text("".join(lines))


def environment() -> dict[str, str]:
    """Variables that a process inside needs to get out: proxies, and where certificates are."""
    proxies = {name: os.environ[name] for name in PROXY_VARIABLES if name in os.environ}
    bundles = {name: CA_BUNDLE for name in CA_VARIABLES[:3] if name in os.environ}
    names = ("uv.client-cert", "install.client-cert", "global.client-cert")
    client = pip_here.handed().first(*names)
    return proxies | bundles | ({"SSL_CLIENT_CERT": client} if client else {})


def binds() -> tuple[str, ...]:
    """Options of systemd-nspawn for what this computer's pip configuration names."""
    return tuple(f"--bind-ro={_escaped(path)}" for path in pip_here.handed().paths)


def mirror(suite: str) -> tuple[str, ...]:
    """Where this computer's apt gets the suite from; nothing where it does not: debootstrap
    knows a place."""
    listing = subprocess.run(
        ("apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for line in listing.splitlines():
        release, component, address = line.split(" ", 2)
        if (release, component) == (suite, "main"):
            return (address,)
    return ()


def pip_conf(settings: Mapping[str, str]) -> str:
    """The settings as a pip.conf."""
    sections = configparser.RawConfigParser()
    for name, value in sorted(settings.items()):
        section, _, key = name.rpartition(".")
        if section == "uv":
            continue
        if not sections.has_section(section):
            sections.add_section(section)
        sections.set(section, key, CA_BUNDLE if key == "cert" else value)
    written = io.StringIO()
    sections.write(written)
    return written.getvalue()


def uv_toml(given: Handed) -> str:
    """The same places for uv, which reads no pip.conf, after those that uv itself is told."""
    lines = ["system-certs = true", 'index-strategy = "unsafe-best-match"  # as pip chooses']
    for key in pip_here.UV_KEYS:
        of_pip = given.first(f"install.{key}", f"global.{key}")
        entries = [*given.first(f"uv.{key}").split(), *of_pip.split()]
        if entries:
            lines.append(f"{key} = {json.dumps(entries[0] if key == 'index-url' else entries)}")
    return "\n".join(lines) + "\n"


def _escaped(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace(":", "\\:")


def _copy_apt(root: Path) -> None:
    for name in APT_ENTRIES:
        source, target = Path("/") / APT / name, root / APT / name
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(EMPTIES_THE_CACHE))
        else:
            target.unlink(missing_ok=True)
            if source.exists():
                shutil.copy2(source, target)
    for keyring in Path("/usr/share/keyrings").glob("*"):
        if not (root / keyring.relative_to("/")).exists():
            shutil.copy2(keyring, root / keyring.relative_to("/"))


def _copy_certificates(root: Path, of_pip: tuple[Path, ...]) -> None:
    inside = root / "usr/local/share/ca-certificates"
    shutil.copytree("/usr/local/share/ca-certificates", inside, dirs_exist_ok=True)
    places = {*(Path(os.environ.get(name, CA_BUNDLE)) for name in CA_VARIABLES), *of_pip}
    for number, bundle in enumerate(sorted(file for place in places for file in _files_of(place))):
        shutil.copy2(bundle, inside / f"of-this-computer-{number}.crt")
    subprocess.run(("chroot", str(root), "update-ca-certificates"), capture_output=True, check=True)


def _files_of(place: Path) -> Iterator[Path]:
    if place.is_dir() and place != Path(CA_BUNDLE).parent:
        yield from (file for file in place.iterdir() if file.is_file())
    elif place.is_file() and place != Path(CA_BUNDLE):
        yield place


def _copy_netrc(root: Path, file: Path | None) -> None:
    inside = root / "root/.netrc"
    inside.unlink(missing_ok=True)
    if file:
        inside.touch(0o600)
        inside.write_bytes(file.read_bytes())


def _copy_name_service(root: Path) -> None:
    servers = Path("/etc/resolv.conf").read_text()
    upstream = Path("/run/systemd/resolve/resolv.conf")
    if "nameserver 127." in servers and upstream.exists():
        servers = upstream.read_text()  # a resolver on loopback cannot be asked from inside
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").write_text(servers)
    hosts = Path("/etc/hosts").read_text().splitlines(keepends=True)
    known = [line for line in hosts if line.strip() and not line.startswith(("127.", "::1", "#"))]
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n" + "".join(known))
