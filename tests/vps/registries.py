"""How this computer reaches its package registries, handed on to a tree at test time.

Nothing of it is ever written into the repository: it may hold addresses and passwords.
"""

import ast
import configparser
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

APT = Path("etc/apt")
APT_ENTRIES = (
    "sources.list", "sources.list.d", "apt.conf", "apt.conf.d", "trusted.gpg.d", "keyrings",
    "auth.conf", "auth.conf.d", "preferences", "preferences.d",
)  # fmt: skip
EMPTIES_THE_CACHE = "docker-clean"  # a container image's habit: it would undo the warm tree
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
PLACES = ("index-url", "extra-index-url", "find-links")


def configure(root: Path) -> None:
    """Make apt, pip and uv inside the tree reach what they reach out here."""
    _copy_apt(root)
    _copy_certificates(root)
    _copy_name_service(root)
    settings = pip_settings()
    (root / "etc/pip.conf").write_text(pip_conf(settings))
    (root / "etc/uv").mkdir(exist_ok=True)
    (root / "etc/uv/uv.toml").write_text(uv_toml(settings))
    lines = [f'{name}="{value}"\n' for name, value in environment().items()]
    (root / "etc/environment").write_text("".join(lines))


def environment() -> dict[str, str]:
    """Variables that a process inside needs to get out: proxies, and where certificates are."""
    proxies = {name: os.environ[name] for name in PROXY_VARIABLES if name in os.environ}
    return proxies | {name: CA_BUNDLE for name in CA_VARIABLES[:3] if name in os.environ}


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


def local_folders(settings: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """Folders of this computer that pip's configuration names, for the machine to see as well."""
    settings = pip_settings() if settings is None else settings
    folders: set[Path] = set()
    for key, value in settings.items():
        if key.rpartition(".")[2] not in PLACES:
            continue
        for path in filter(None, map(_path_of, value.split())):
            # A file index links to `../../files`, so the folder above it belongs to it.
            above = "index-url" in key and len(path.parent.parts) > 2
            folders.add(path.parent if above else path)
    return tuple(sorted(folders))


@cache
def pip_settings() -> dict[str, str]:
    """What pip goes by on this computer: its files and its variables in one; places that exist."""
    argv = (sys.executable, "-m", "pip", "config", "list")
    listing = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    # `pip config list` shows the key with its section but not its file; variables come as :env:.
    settings: dict[str, str] = {}
    for line in sorted(listing.splitlines(), key=_level):
        name, _, text = line.partition("=")
        section, _, key = name.rpartition(".")
        section = "global" if section == ":env:" else section
        settings[f"{section}.{key}"] = str(ast.literal_eval(text))
    return dict(_with_places_that_exist(settings))


def pip_conf(settings: Mapping[str, str]) -> str:
    """The settings as a pip.conf."""
    sections = configparser.RawConfigParser()
    for name, value in sorted(settings.items()):
        section, _, key = name.rpartition(".")
        if not sections.has_section(section):
            sections.add_section(section)
        sections.set(section, key, CA_BUNDLE if key == "cert" else value)
    written = io.StringIO()
    sections.write(written)
    return written.getvalue()


def uv_toml(settings: Mapping[str, str]) -> str:
    """The same places for uv, which does not read pip's files."""
    lines = ["system-certs = true", 'index-strategy = "unsafe-best-match"  # as pip chooses']
    for key in PLACES:
        if value := settings.get(f"global.{key}", ""):
            written = value if key == "index-url" else value.split()
            lines.append(f"{key} = {json.dumps(written)}")
    return "\n".join(lines) + "\n"


def _level(line: str) -> int:
    return 1 if line.startswith(":env:") else 0


def _with_places_that_exist(settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if name.rpartition(".")[2] not in PLACES:
            yield name, value
        elif there := [place for place in value.split() if _reachable(place)]:
            yield name, " ".join(there)


def _reachable(place: str) -> bool:
    path = _path_of(place)
    return path is None or path.exists()


def _path_of(place: str) -> Path | None:
    if place.startswith("/"):
        return Path(place)
    parts = urlsplit(place)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


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


def _copy_certificates(root: Path) -> None:
    inside = root / "usr/local/share/ca-certificates"
    shutil.copytree("/usr/local/share/ca-certificates", inside, dirs_exist_ok=True)
    for name in CA_VARIABLES:
        bundle = Path(os.environ.get(name, CA_BUNDLE))
        if str(bundle) != CA_BUNDLE and bundle.is_file():
            shutil.copy2(bundle, inside / f"{name.lower()}.crt")
    subprocess.run(("chroot", str(root), "update-ca-certificates"), capture_output=True, check=True)


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
