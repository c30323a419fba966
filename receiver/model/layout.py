"""Where everything lives on disk. Only paths, and the links among them."""

from pathlib import Path
from typing import Literal, NamedTuple

from receiver.model.names import AppName

SlotLetter = Literal["a", "b"]
DOWN_MODE = 0o710
"""Of the folder in which an app's account says that it does not start: nginx's group looks in."""
SLOTS: tuple[SlotLetter, SlotLetter] = ("a", "b")


class AppPaths(NamedTuple):
    """The folder of one app, and the places in it."""

    name: AppName
    home: Path
    run: Path
    """Sockets and ready files of its processes; emptied by a reboot."""

    @property
    def settings(self) -> Path:
        return self.home / "app.toml"

    @property
    def access(self) -> Path:
        """What keys were granted for this app alone."""
        return self.home / "access.json"

    @property
    def freeze(self) -> Path:
        """Who wants the app to stay as it is, and why; `lock` is that of a command at work."""
        return self.home / "freeze.json"

    @property
    def drains(self) -> Path:
        """Records of the app's log drains; they hold tokens, and are root's alone."""
        return self.home / "drains"

    @property
    def config(self) -> Path:
        return self.home / "config.json"

    @property
    def scale(self) -> Path:
        return self.home / "scale.json"

    @property
    def formation(self) -> Path:
        """The record of the processes besides web that run."""
        return self.home / "formation.json"

    @property
    def groups(self) -> Path:
        """Links to the releases that processes besides web run, by type."""
        return self.home / "processes"

    def group(self, process_type: str) -> Path:
        return self.groups / process_type

    @property
    def live(self) -> Path:
        """The record of what serves: release and slot.

        Replacing it is the commit point of a deploy.
        """
        return self.home / "live.json"

    @property
    def release_times(self) -> Path:
        """When which part of the app was given which release."""
        return self.home / "release-times"

    @property
    def current(self) -> Path:
        return self.home / "current"

    @property
    def lock(self) -> Path:
        return self.home / "lock"

    @property
    def journal(self) -> Path:
        return self.home / "journal"

    @property
    def unfinished(self) -> Path:
        """What a change is, for as long as it is not finished: without this file there is none."""
        return self.journal / "about.json"

    @property
    def incoming(self) -> Path:
        return self.home / "incoming"

    @property
    def releases(self) -> Path:
        return self.home / "releases"

    def release(self, version: int) -> "ReleasePaths":
        return ReleasePaths(self.releases / f"v{version}")

    @property
    def builds(self) -> Path:
        return self.home / "builds"

    @property
    def timers(self) -> Path:
        """Which cron jobs are started when, as the process manager was told."""
        return self.home / "timers.json"

    @property
    def suspended(self) -> Path:
        """Names of the cron jobs that somebody suspended."""
        return self.home / "suspended.json"

    @property
    def runs(self) -> Path:
        """Records and output of one-off runs and of runs of cron jobs."""
        return self.home / "runs"

    @property
    def venvs(self) -> Path:
        return self.home / "venvs"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def storage(self) -> Path:
        return self.home / "storage"

    @property
    def mounts(self) -> Path:
        """Folders with links into the storage, for paths outside of a release's tree; root's."""
        return self.home / "mounts"

    @property
    def maintenance_page(self) -> Path:
        """What visitors see while the app is in maintenance."""
        return self.home / "maintenance.html"

    @property
    def check_key(self) -> Path:
        """What Ship shows nginx to ask the app itself, where visitors are kept out; root's."""
        return self.home / "check-key"

    @property
    def passwords(self) -> Path:
        """Names of visitors and their hashed passwords, for nginx; made from app.toml."""
        return self.home / "passwords"

    @property
    def down(self) -> Path:
        """The app's own: a file `web` in it tells nginx that the app does not start."""
        return self.home / "down"

    @property
    def down_mark(self) -> Path:
        return self.down / "web"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def work(self) -> Path:
        """Where gunicorn's master stands for as long as it lives, whatever release it serves."""
        return self.home / "work"

    @property
    def slots(self) -> Path:
        return self.home / "slots"

    def slot(self, letter: SlotLetter) -> Path:
        return self.slots / letter

    def aim(self, letter: SlotLetter) -> int | None:
        """The release that a slot points at; None when it points nowhere."""
        link = self.slot(letter)
        return int(link.readlink().name[1:]) if link.is_symlink() else None

    def slot_run(self, letter: SlotLetter) -> Path:
        return self.run / f"web.{letter}"

    def process_run(self, name: str) -> Path:
        """Where a process besides web, such as `worker.1`, tells of its starts."""
        return self.run / f"ps.{name}"


class ReleasePaths(NamedTuple):
    """The folder of one release. Root owns all of it but `source`."""

    home: Path

    @property
    def record(self) -> Path:
        return self.home / "release.json"

    @property
    def env(self) -> Path:
        return self.home / "env.json"

    @property
    def source(self) -> Path:
        return self.home / "source"

    @property
    def built(self) -> Path:
        """Made when the tree was, or when its release phase ended; what is newer in `source`, the
        app wrote.
        """
        return self.home / "built"

    @property
    def slug(self) -> Path:
        """The built tree as a tar file; what a rollback unpacks, whatever the app did to its
        `source`.
        """
        return self.home / "slug.tar"

    @property
    def phase(self) -> Path:
        """What the release phase wrote into the tree, as a tar file; empty where that was too much
        to be kept, so that it has to run again.
        """
        return self.home / "phase.tar"

    @property
    def packages(self) -> Path:
        """The packages that it was built with, each with its version."""
        return self.home / "packages.txt"

    @property
    def public(self) -> Path:
        """Static files that nginx may read."""
        return self.home / "public"

    @property
    def errors(self) -> Path:
        """The app's own pages for errors, by status; root's, for nginx to read."""
        return self.home / "errors"

    def error_page(self, status: int) -> Path:
        return self.errors / f"{status}.html"


class Layout(NamedTuple):
    """The trees of one ship server: on a VPS under /etc, /var/lib and /run, embedded under one
    folder.
    """

    etc: Path
    state: Path
    run: Path
    sites_available: Path
    sites_enabled: Path
    units: Path
    """Unit files under systemd, program files under supervisord."""
    pythons: Path
    """Pythons that ship fetched; root's on a VPS."""
    certbot_python: Path
    """The Python that has certbot, in a virtualenv of its own."""
    nginx_pid: Path
    """Where nginx says which process it is."""
    nginx_conf: Path | None
    """nginx's main file, where ship names it to nginx; None for what nginx reads by itself."""

    @classmethod
    def vps(cls) -> "Layout":
        return cls(
            etc=Path("/etc/ship"),
            state=Path("/var/lib/ship"),
            run=Path("/run/ship"),
            sites_available=Path("/etc/nginx/sites-available"),
            sites_enabled=Path("/etc/nginx/sites-enabled"),
            units=Path("/etc/systemd/system"),
            pythons=Path("/opt/ship/pythons"),
            certbot_python=Path("/opt/ship-certbot/bin/python"),
            nginx_pid=Path("/run/nginx.pid"),
            nginx_conf=None,
        )

    @classmethod
    def embedded(cls, root: Path) -> "Layout":
        return cls(
            etc=root / "etc",
            state=root / "var",
            run=root / "run",
            sites_available=root / "nginx" / "sites-available",
            sites_enabled=root / "nginx" / "sites-enabled",
            units=root / "supervisor" / "programs",
            pythons=root / "pythons",
            certbot_python=root / "certbot" / "bin" / "python",
            nginx_pid=root / "run" / "nginx.pid",
            nginx_conf=root / "nginx" / "nginx.conf",
        )

    @classmethod
    def at(cls, root: Path | None) -> "Layout":
        """The trees of the embedded server below a folder; without one, of this machine's."""
        return cls.vps() if root is None else cls.embedded(root)

    def snippets(self, app: AppName) -> Path:
        """The operator's own lines for nginx's file of an app."""
        return self.etc / "nginx.d" / app

    def nginx_cache(self, app: AppName) -> Path:
        """Where nginx keeps answers of an app; nginx makes the folder."""
        parent = (
            Path("/var/lib/nginx") if self.nginx_conf is None else self.nginx_conf.parent / "tmp"
        )
        return parent / f"ship-{app}"

    @property
    def server_settings(self) -> Path:
        return self.etc / "ship.toml"

    @property
    def keys(self) -> Path:
        return self.etc / "keys"

    def key(self, name: str) -> Path:
        """The record of a key or token."""
        return self.keys / f"{name}.json"

    @property
    def certificates(self) -> Path:
        """Records of certificates, and the files that nginx reads them from; root's alone."""
        return self.state / "certificates"

    def certificate(self, name: str) -> Path:
        """The record of the certificate for a host name."""
        return self.certificates / f"{name.replace('*', '_')}.json"

    @property
    def certificates_asked(self) -> Path:
        """Left by whoever wants a pass over all names, for one that is at work already."""
        return self.certificates / "asked"

    @property
    def self_signed(self) -> Path:
        """What names are served with over https for which there is no certificate yet."""
        return self.certificates / "self-signed.pem"

    @property
    def challenges(self) -> Path:
        """What nginx shows to an authority that wants to see that a name leads here."""
        return self.state / "acme"

    @property
    def certbot(self) -> Path:
        """The account at the authority, and what certbot keeps of its own."""
        return self.state / "certbot"

    @property
    def packages(self) -> Path:
        """System packages that an administrator has allowed."""
        return self.etc / "packages.json"

    @property
    def packages_folder(self) -> Path:
        """Of the installations of system packages: their lock, and what is under way."""
        return self.state / "packages"

    @property
    def packages_note(self) -> Path:
        """What to put right after an installation of system packages; gone with its end."""
        return self.packages_folder / "units-before"

    @property
    def repos(self) -> Path:
        return self.state / "repos"

    @property
    def buildpacks(self) -> Path:
        """Buildpacks of others, as tar files."""
        return self.state / "buildpacks"

    def repo(self, app: AppName) -> Path:
        return self.repos / f"{app}.git"

    @property
    def rename_note(self) -> Path:
        """What rename is under way; gone with its end."""
        return self.state / "rename.json"

    @property
    def clones(self) -> Path:
        """Notes of the clones that are not finished, each held by its processes."""
        return self.state / "clones"

    @property
    def journal(self) -> Path:
        """Only while files that are of no app are changed."""
        return self.state / "journal"

    @property
    def format(self) -> Path:
        """The number of the format that all of it is in; none counts as the first."""
        return self.state / "format"

    @property
    def hardening(self) -> Path:
        """What hardening changed of this machine, for who undoes it."""
        return self.state / "hardening.json"

    @property
    def hardening_pending(self) -> Path:
        """What of it goes back, unless somebody confirms; gone with either."""
        return self.state / "hardening-pending.json"

    @property
    def audit(self) -> Path:
        """Who did what; root's, and only ever added to."""
        return self.state / "audit"

    @property
    def apps(self) -> Path:
        return self.state / "apps"

    def build_turns(self, places: int) -> tuple[Path, ...]:
        """Lock files of the builds that may go on at once."""
        return tuple(self.state / f"build.{place}.lock" for place in range(places))

    def app(self, name: AppName) -> AppPaths:
        return AppPaths(name, self.apps / name, self.run / "apps" / name)

    def site(self, app: AppName) -> Path:
        return self.sites_available / f"ship-{app}.conf"

    def site_link(self, app: AppName) -> Path:
        return self.sites_enabled / f"ship-{app}.conf"
