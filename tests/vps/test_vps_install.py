"""installer.sh on a fresh machine: refused before anything changes, done once, done twice,
undone."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from tests.vps import upgrading
from tests.vps.full_app import MADE, Full, fill, traces
from tests.vps.inside import Completed
from tests.vps.laptop import Laptop
from tests.vps.machine import Machine
from tests.vps.pages import page as page_of
from tests.vps.ship_server import (
    DOMAIN,
    INSTALLER,
    ShipServer,
    Site,
    copy_project,
    install,
)
from tests.vps.visitors import Visitors

OPTIONS = ("--domain", DOMAIN, "--key", "laptop=/root/laptop.pub")
KEPT_BY_NAME = (
    "/etc/ship /etc/systemd/system /etc/nginx /opt/ship/.installed /etc/sudoers.d /var/lib/ship"
)
# What belongs to the system itself and changes by itself; what packages bring is told by dpkg.
MOVING = (
    r"^/(proc|sys|dev|run|tmp|root|var/(log|tmp|cache|lib/(apt|dpkg|systemd|private))"
    r"|usr/.*/__pycache__|etc/(passwd|group|g?shadow|subuid|subgid)-?)[/ ]"
)

# nginx's files as ship wrote them before it told of requests, and an app as it ran before it had a
# slice and the network rules.
OLDER = r"""
set -e
systemctl stop ship-certificates.timer ship-certificates.service  # they put nginx's files right
cd /etc/systemd/system
systemctl disable --quiet --now ship-network.service
nft delete table inet ship
sed -i '/^Slice=/d; /^ProtectKernelLogs=/d; s/ io_uring_[a-z]*//g' ship-blog.*@.service
rm ship*.slice ship-network.service /etc/ship/network.nft
systemctl daemon-reload
ship ps:restart -a blog
cd /etc/nginx/sites-available
sed -i '/^log_format ship/,/;$/c log_format ship "$time_iso8601 $request";' 00-ship.conf
sed -i '/^map "" /,/^}/d' 00-ship.conf
sed -i '1s/.*/# made of others/; s#/var/log/ship/#/var/log/nginx/#' ship-blog.conf
sed -i '/ship_reason\|ship_body_limit\|error_page 494/d' ship-blog.conf
nginx -t
systemctl reload nginx
"""

# A server from before there were versions beside each other: a folder where the link is now.
PLAIN = r"""
set -e
tree=$(readlink -f /opt/ship)
rm /opt/ship
cp -a "$tree" /opt/ship
rm -r /opt/ship/pythons /opt/ship-versions
mkdir -p /opt/ship/pythons/kept
sed -i "1s#$tree/#/opt/ship/#" /opt/ship/bin/*
find /etc/systemd/system -name 'ship*' -type f -exec grep -l "$tree" {} + && exit 1
/opt/ship/bin/ship apps
"""
# What the scripts of Debian's nginx make, and no list of the package's names.
MADE_BY_NGINX_PACKAGE = (
    r"^/(etc/nginx/sites-enabled/default|etc/rc\d\.d/[KS]01nginx|var/lib/nginx/\w+"
    r"|etc/systemd/system/multi-user\.target\.wants/nginx\.service|var/www(/html(/index\..*)?)?) "
)


@dataclass(frozen=True)
class Upgrade:
    """What was seen of an app while a newer version of ship was installed over the one that made
    it."""

    installed: Completed
    masters: tuple[int, int]
    """The app's master before and after."""
    pages: tuple[str, str]
    """After the upgrade, and after the next push."""
    swapped: str
    """What that push said."""
    log: str
    """What nginx wrote of requests since."""
    lost: list[str]
    """What visitors got who asked all the while, and should not have."""
    places: tuple[str, str]
    """Control groups of the app's master before and after."""
    under_way: upgrading.UnderWay


@dataclass
class Life:
    """What was seen on one machine, from before the first install to after the second removal."""

    fresh: list[str]
    dry_run: Completed
    after_dry_run: list[str]
    first: Completed
    kept: str
    second: Completed
    kept_after_second: str
    kept_storage: str
    upgrade: "Upgrade"
    full: Full
    dry_removal: Completed
    after_dry_removal: str
    unconfirmed_removal: Completed
    after_unconfirmed_removal: str
    removal: Completed
    after_removal: list[str]
    purged: list[str]
    accounts_before: str
    accounts_after: str
    nginx_answer: tuple[int, str]
    second_removal: Completed


@pytest.fixture(scope="module")
def bare(machine: Machine, laptop: Laptop) -> Machine:
    """A fresh machine with the project lying in /root/ship."""
    copy_project(machine)
    machine.copy_in(laptop.key().public_path, "/root/laptop.pub")
    return machine


@pytest.fixture(scope="module")
def life(bare: Machine, laptop: Laptop, tmp_path_factory: pytest.TempPathFactory) -> Life:
    """Install, install again, push, remove, install once more, purge."""
    seen: dict[str, object] = {"accounts_before": _accounts(bare), "fresh": _tree(bare)}
    seen["dry_run"] = bare.run((INSTALLER, *OPTIONS, "--dry-run"))
    seen["after_dry_run"] = _tree(bare)
    seen["first"], seen["kept"] = install(bare, *OPTIONS), _kept(bare)
    seen["second"], seen["kept_after_second"] = install(bare, *OPTIONS), _kept(bare)
    site = _pushed(ShipServer(bare, laptop, tmp_path_factory.mktemp("site")))
    seen["upgrade"] = _upgraded(site)
    full = _filled(site.server)
    seen["dry_removal"] = install(bare, "--uninstall", "--dry-run")
    seen["after_dry_removal"] = site.page()
    seen["unconfirmed_removal"] = install(bare, "--uninstall", check=False)
    seen["after_unconfirmed_removal"] = site.page()
    seen["removal"] = install(bare, "--uninstall", "--yes")
    seen["full"] = replace(full, after_removal=traces(bare))
    seen["kept_storage"] = bare.run("cd /var/lib/ship; find . -type f -exec cat {} +").stdout
    seen["after_removal"] = _tree(bare)
    seen["nginx_answer"] = site.server.ask("blog.example.com")
    seen["second_removal"] = install(bare, "--uninstall", "--purge", "--yes")
    seen["purged"], seen["accounts_after"] = _tree(bare), _accounts(bare)
    return Life(**seen)  # type: ignore[arg-type] # each was put in under its field's name above


def test_a_dry_run_shows_what_would_be_done_and_does_nothing(life: Life) -> None:
    assert "would: make the account ship" in life.dry_run.stdout
    assert " build-essential pkg-config python3-dev libpq-dev " in life.dry_run.stdout
    assert "build-essential" not in life.first.stdout  # which was told to be --slim
    assert life.dry_run.stdout.endswith("Nothing was changed.\n")
    assert life.after_dry_run == life.fresh


def test_the_first_install_says_what_it_did_and_what_to_type_next(life: Life) -> None:
    for done in ("install nginx git nftables", "make the account ship", "let the key laptop in"):
        assert f"       {done}\n" in life.first.stdout
    assert "       write /usr/share/bash-completion/completions/ship\n" in life.first.stdout
    assert "  ssh ship@vps apps:create blog\n" in life.first.stdout
    assert "  git push prod main\n" in life.first.stdout
    assert life.first.stderr == ""


def test_the_second_install_changes_nothing(life: Life) -> None:
    assert "nothing was changed." in life.second.stdout
    assert life.second.stdout.count("       ") == 0
    assert life.kept_after_second == life.kept


def test_an_upgrade_renews_files_and_hands_over_without_a_lost_request(life: Life) -> None:
    said = life.upgrade.installed.stdout
    written = [line for line in said.splitlines() if "write" in line]
    assert [line.rpartition("/")[2] for line in written] == [
        "00-ship.conf",
        "ship-network.service",
        "ship.slice",
        "ship-blog.web@.service",
        "ship-blog.port@.service",
        "ship-blog.slice",
        "ship-blog.conf",
    ]
    assert "have the network keep apps apart" in said
    assert "hand over the web process of blog to a fresh one" in said
    assert life.upgrade.lost == []
    before, after = life.upgrade.places
    assert "/ship-blog.web@b.service" in before
    assert "/ship.slice/ship-blog.slice/ship-blog.web@a.service" in after
    assert "slice/ship-blog.slice" not in before
    assert life.upgrade.masters[0] != life.upgrade.masters[1]
    assert life.upgrade.log.startswith('{"at":')
    assert life.upgrade.pages == ("installed", "upgraded")
    assert "Workers of slot a are replaced one by one." in life.upgrade.swapped


def test_nothing_fails_of_an_upgrade_that_comes_while_all_is_at_work(life: Life) -> None:
    seen = life.upgrade.under_way
    assert seen.pushed > 1
    assert seen.pushes == []
    assert seen.commands == ""
    assert len(seen.trees) == 1
    assert seen.pythons == "/opt/ship-versions/pythons/kept"


def test_removal_leaves_storage_alone(life: Life) -> None:
    assert life.after_dry_removal == f"push {life.upgrade.under_way.pushed - 1}"
    assert "would: remove the app blog" in life.dry_removal.stdout
    assert life.kept_storage == "precious\n"
    assert "storage stays in /var/lib/ship/apps" in life.removal.stdout
    left = {line for line in _added(life.fresh, life.after_removal) if "/var/lib/ship" in line}
    assert {line.split()[0] for line in left} == {
        "/var/lib/ship",
        "/var/lib/ship/apps",
        "/var/lib/ship/apps/blog",
        "/var/lib/ship/apps/blog/storage",
        "/var/lib/ship/apps/blog/storage/kept",
    }


def test_an_install_changes_nothing_of_an_app_with_one_of_everything(life: Life) -> None:
    before, after = life.full.kept
    assert after == before


def test_destroy_and_removal_leave_nothing_of_such_an_app_running_or_waiting(life: Life) -> None:
    assert [name for name in MADE if name not in life.full.traces] == []
    assert "ship-goes" in life.full.traces
    assert "ship-goes" not in life.full.after_destroy
    assert "ship-stays" in life.full.after_destroy
    assert life.full.after_removal == ""


def test_purge_takes_away_all_that_was_made(life: Life, bare: Machine) -> None:
    assert bare.run("ls -d /var/log/ship /var/log/nginx/ship*", check=False).stdout == ""
    of_nginx = re.compile(MADE_BY_NGINX_PACKAGE)
    assert [line for line in _added(life.fresh, life.purged) if not of_nginx.match(line)] == []
    assert _added(life.purged, life.fresh) == []
    assert "ship" not in life.accounts_after
    assert life.second_removal.stderr == ""


def test_after_removal_nginx_answers_with_debians_own_page(life: Life) -> None:
    status, text = life.nginx_answer
    assert (status, "Welcome to nginx" in text) == (200, True)


@dataclass(frozen=True)
class Wrong:
    """A way to begin that must be refused."""

    options: tuple[str, ...]
    said: str
    before: str = "true"
    after: str = "true"


def test_port_443_stays_with_a_program_that_has_it(bare: Machine) -> None:
    """As a proxy with https of its own has, on servers from before Ship had any."""
    bare.run(
        "systemd-run --quiet --unit=proxy python3 -m http.server 443 --bind 0.0.0.0;"
        "until ss -Hltn | grep -q :443; do sleep 0.05; done"
    )
    try:
        said = bare.run((INSTALLER, *OPTIONS, "--dry-run")).stdout
    finally:
        bare.run("systemctl stop proxy")
    line = "would: leave port 443 to python3, by https_port = 0 in /etc/ship/ship.toml"
    assert line in said
    assert "port 443" not in bare.run((INSTALLER, *OPTIONS, "--dry-run")).stdout


def test_without_a_domain_it_is_one_of_the_public_address(bare: Machine) -> None:
    """Where the machine has one; what is said where it has none, `WRONG` holds."""
    device = bare.run("ip -json route show default").stdout.split('"dev":"')[1].split('"')[0]
    bare.run(f"ip address add 203.0.113.7/32 dev {device}")
    try:
        said = bare.run((INSTALLER, *OPTIONS[2:], "--dry-run")).stdout
    finally:
        bare.run(f"ip address delete 203.0.113.7/32 dev {device}")
    assert said.startswith("No --domain: apps answer at NAME.203-0-113-7.sslip.io, which needs no")
    assert "Setting up a ship server for 203-0-113-7.sslip.io" in said


WRONG = {
    "system": Wrong(
        OPTIONS,
        "This system is not supported.",
        "mv /etc/os-release /etc/os-release.real && printf 'ID=plan9\\nVERSION_ID=4\\n"
        "' > /etc/os-release",
        "mv /etc/os-release.real /etc/os-release",
    ),
    "port 80": Wrong(
        OPTIONS,
        "Port 80 is held by another program.",
        "systemd-run --quiet --unit=squatter python3 -m http.server 80 --bind 0.0.0.0;"
        "until ss -Hltn | grep -q :80; do sleep 0.05; done",
        "systemctl stop squatter",
    ),
    "private key": Wrong((*OPTIONS[:3], "laptop=/root/laptop"), "is a private key."),
    "no key": Wrong((*OPTIONS[:3], "laptop=/root/no-key"), "is not an ssh public key."),
    "no file": Wrong((*OPTIONS[:3], "laptop=/root/nowhere"), "There is no file /root/nowhere."),
    "no name": Wrong((*OPTIONS[:3], "/root/laptop.pub"), "does not say whose key it is."),
    "key name": Wrong((*OPTIONS[:3], "../x=/root/laptop.pub"), "cannot be the name of a key."),
    "two keys": Wrong((*OPTIONS[:3], "laptop=/root/two-keys"), "is not an ssh public key."),
    "cut key": Wrong((*OPTIONS[:3], "laptop=/root/cut-key"), "is not an ssh public key."),
    "domain": Wrong(("--domain", "http://example.com/"), "is not a domain."),
    "no domain": Wrong((), "Which domain are the apps to answer at?"),
    "option": Wrong(("--frobnicate",), "There is no option --frobnicate."),
}


@pytest.fixture(scope="module")
def untouched(machine_factory: object, laptop: Laptop) -> Machine:
    """A second machine, on which nothing is ever installed."""
    machine: Machine = machine_factory("untouched")  # type: ignore[operator] # a MachineFactory
    copy_project(machine)
    for name in ("laptop", "laptop.pub"):
        machine.copy_in(laptop.key().path.with_name(name), f"/root/{name}")
    machine.write("/root/no-key", "hello\n")
    machine.write("/root/two-keys", f"{laptop.key().public}\n{laptop.key('other').public}\n")
    machine.write("/root/cut-key", f"{laptop.key().public[:40]}\n")
    return machine


@pytest.fixture(params=WRONG)
def wrong(untouched: Machine, request: pytest.FixtureRequest) -> Iterator[Wrong]:
    """The machine made so that an install cannot begin; put back afterwards."""
    way = WRONG[request.param]
    untouched.run(way.before)
    yield way
    untouched.run(way.after)


def test_an_install_that_cannot_work_is_refused_before_anything_changes(
    untouched: Machine, wrong: Wrong
) -> None:
    before = _tree(untouched)
    refused = install(untouched, *wrong.options, check=False)
    assert refused.returncode == 1
    assert wrong.said in refused.stderr
    assert refused.stderr.startswith(" !     ")
    assert refused.stdout == ""
    assert _tree(untouched) == before


def test_only_root_can_install(untouched: Machine) -> None:
    untouched.run("rm -rf /srv/ship; cp -a /root/ship /srv/ship; chmod -R a+rX /srv/ship")
    refused = untouched.run(("/srv/ship/installer.sh", *OPTIONS), check=False, user="nobody")
    untouched.run("rm -rf /srv/ship")
    assert refused.returncode == 1
    assert "This needs root." in refused.stderr
    assert "You are nobody." in refused.stderr


def _pushed(server: ShipServer) -> Site:
    site = server.site("blog")
    site.publish("installed")
    server.machine.run("echo precious > /var/lib/ship/apps/blog/storage/kept")
    return site


def _upgraded(site: Site) -> Upgrade:
    """Install a ship whose units are others over one that wrote other files for nginx, and push
    again."""
    machine = site.server.machine
    machine.run(OLDER + PLAIN)
    before = site.master()
    machine.run("sed -i '1i # Of a newer ship.' /root/ship/receiver/templates/systemd/slot.service")
    place = machine.read(f"/proc/{before}/cgroup")
    with Visitors(site) as visitors:
        installed = install(machine, *OPTIONS)
    after, page = site.master(), site.page()
    places = (place, machine.read(f"/proc/{after}/cgroup"))
    site.commit({"app.py": page_of("upgraded")["app.py"]})
    pushed = site.push()
    log = machine.read("/var/log/ship/ship-blog.access.log")
    page_after = site.page()
    under_way = upgrading.at_work(site)
    return Upgrade(
        installed=installed,
        masters=(before, after),
        pages=(page, page_after),
        swapped=pushed.text,
        log=log,
        lost=visitors.lost,
        places=places,
        under_way=under_way,
    )


def _filled(server: ShipServer) -> Full:
    """Two apps with one of everything: the second is destroyed, the first goes on."""
    for name in ("stays", "goes"):
        fill(server.site(name))
    seen, before = traces(server.machine), _kept(server.machine)
    install(server.machine, *OPTIONS)
    after = _kept(server.machine)
    server.ship("apps:destroy goes --confirm goes")
    return Full(seen, (before, after), after_destroy=traces(server.machine))


def _kept(machine: Machine) -> str:
    """What a second install must leave as it is, with times."""
    listing = machine.run(f"find {KEPT_BY_NAME} -printf '%p %y %M %u %g %s %T@ %l\\n'").stdout
    return "\n".join(sorted(listing.splitlines()))


def _tree(machine: Machine) -> list[str]:
    """The files of the machine but those that packages brought or the system itself changes."""
    machine.run("find /var/lib/dpkg/info -name '*.list' -exec cat {} + | sort -u > /tmp/packaged")
    listing = machine.run("find / -xdev -printf '%p %y %M %u %g\\n'").stdout
    packaged = set(machine.read("/tmp/packaged").splitlines())
    packaged |= {f"/usr{path}" for path in packaged}  # /lib and its like lead there
    moving = re.compile(MOVING)
    lines = (line for line in listing.splitlines() if not moving.match(line))
    return sorted(line for line in lines if line.split(" ")[0] not in packaged)


def _added(before: list[str], after: list[str]) -> list[str]:
    changes = difflib.ndiff(before, after)
    return [line[2:] for line in changes if line.startswith("+ ")]


def _accounts(machine: Machine) -> str:
    return machine.run(("cat", "/etc/passwd", "/etc/group", "/etc/shadow")).stdout
