"""What goes wrong on a real server: how each fault is planted, what doctor has to say of it, and
what is left after its repair."""

from dataclasses import dataclass

HOME = "/var/lib/ship/apps/ill"
UNITS = "/etc/systemd/system"
SITE = "/etc/nginx/sites-available/ship-ill.conf"


@dataclass(frozen=True)
class Fault:
    """One of them; the app is `ill`, with a worker and a cron job."""

    name: str
    plant: str
    """What is typed as root."""
    finding: str
    words: str
    """Has to stand in what doctor says."""
    takes_site_down: bool = False
    """Whether visitors notice it before the repair."""


REPAIRED = (
    Fault(
        "a unit file deleted",
        f"rm {UNITS}/ship-ill.web@.service; systemctl daemon-reload",
        "unit.missing",
        "ship-ill.web@.service is missing",
    ),
    Fault(
        "a unit file edited by hand",
        f"sed -i 's/TasksMax=infinity/TasksMax=7/' {UNITS}/ship-ill.web@.service",
        "unit.edited",
        "Only there: TasksMax=7",
    ),
    Fault(
        "units not read",
        f"touch -d '+1 minute' {UNITS}/ship-ill.web@.service",
        "unit.not-read",
        "has not read the units",
    ),
    Fault(
        "the socket stopped",
        "systemctl stop ship-ill.web.socket",
        "socket.down",
        "Nothing holds the port",
    ),
    Fault(
        "the socket disabled",
        "systemctl disable ship-ill.web.socket",
        "boot.not-enabled",
        "would not start ship-ill.web.socket",
    ),
    Fault(
        "the web process stopped by hand",
        "systemctl stop 'ship-ill.web@*.service'",
        "web.down",
        "The web process of ill does not run",
        takes_site_down=True,
    ),
    Fault(
        "the web process not started by a boot",
        "systemctl disable $(systemctl list-units --plain --no-legend 'ship-ill.web@*' | cut "
        "-d' ' -f1)",
        "boot.not-enabled",
        "next boot would not start ship-ill.web@",
    ),
    Fault(
        "a slot masked",
        "systemctl mask --now ship-ill.web@a.service ship-ill.web@b.service",
        "unit.masked",
        "is masked",
        takes_site_down=True,
    ),
    Fault(
        "the template masked",
        f"rm {UNITS}/ship-ill.web@.service; ln -s /dev/null {UNITS}/ship-ill.web@.service; "
        "systemctl daemon-reload",
        "unit.masked",
        "ship-ill.web@.service is masked",
    ),
    Fault(
        "nginx's file deleted",
        f"rm {SITE}; systemctl reload nginx || true",
        "nginx.site-missing",
        "nginx's file of ill is missing",
    ),
    Fault(
        "nginx's file edited",
        f"sed -i 's/proxy_pass .*/proxy_pass http:\\/\\/127.0.0.1:9;/' {SITE}; systemctl reload "
        "nginx; sleep 1",
        "nginx.site-edited",
        "Only there: proxy_pass http://127.0.0.1:9;",
        takes_site_down=True,
    ),
    Fault(
        "nginx's link missing",
        "rm /etc/nginx/sites-enabled/ship-ill.conf; systemctl reload nginx; sleep 1",
        "nginx.site-not-enabled",
        "is not enabled",
        takes_site_down=True,
    ),
    Fault(
        "nginx stopped",
        "systemctl stop nginx",
        "nginx.down",
        "nginx does not run",
        takes_site_down=True,
    ),
    Fault(
        "nginx not started by a boot",
        "systemctl disable nginx",
        "nginx.not-enabled",
        "nginx is not started by a boot",
    ),
    Fault(
        "nginx masked",
        "systemctl disable --now nginx; systemctl mask nginx",
        "nginx.down",
        "nginx does not run",
        takes_site_down=True,
    ),
    Fault(
        "nginx's shared file gone",
        "rm /etc/nginx/sites-enabled/00-ship.conf",
        "nginx.shared",
        "file that all apps share",
    ),
    Fault(
        "Debian's default site back",
        "ln -s /etc/nginx/sites-available/default /etc/nginx/sites-enabled/default",
        "nginx.config",
        "Debian's own default site is enabled",
    ),
    Fault(
        "nginx that did not read its files",
        "cd /etc/nginx/sites-enabled && mv ship-ill.conf /tmp/; systemctl reload nginx; sleep "
        "1; mv /tmp/ship-ill.conf .",
        "nginx.not-read",
        "nginx has not read the file",
        takes_site_down=True,
    ),
    Fault(
        "current leads nowhere",
        f"ln -sfn releases/v99 {HOME}/current",
        "release.link",
        "The link current does not lead",
    ),
    Fault(
        "the slot's link leads nowhere",
        f"for slot in a b; do ln -sfn ../releases/v99 {HOME}/slots/$slot; done",
        "release.link",
        "does not lead to the live release",
    ),
    Fault(
        "live.json names a release that is gone",
        f'sed -i \'s/"release":[0-9]*/"release":99/\' {HOME}/live.json',
        "release.live-record",
        "Which release is live is not known",
    ),
    Fault(
        "live.json torn",
        f"echo -n '{{\"rel' > {HOME}/live.json",
        "release.live-record",
        "Which release is live is not known",
    ),
    Fault(
        "the release's files gone",
        f"rm -rf {HOME}/releases/v*/source",
        "release.source",
        "files of v",
    ),
    Fault(
        "the release's config vars gone",
        f"rm {HOME}/releases/v*/env.json",
        "release.env",
        "config vars that v",
    ),
    Fault(
        "Python gone from the virtualenv",
        f"rm {HOME}/venvs/*/bin/python*",
        "release.virtualenv",
        "cannot be used",
    ),
    Fault(
        "storage given to root",
        f"touch {HOME}/storage/note; chown -R root:root {HOME}/storage",
        "access.tree",
        "do not belong to",
    ),
    Fault(
        "all of an app given to root",
        f"chown -R root:root {HOME}",
        "access.tree",
        "do not belong to",
    ),
    Fault(
        "git as root in the repository",
        "cd /var/lib/ship/repos/ill.git && touch objects/of-root && chown -R root:root objects "
        "refs",
        "access.tree",
        "git as root in a repository",
    ),
    Fault(
        "secrets that all can read",
        f"chmod 644 {HOME}/config.json {HOME}/releases/v*/env.json",
        "access.owner-or-mode",
        "Other accounts of this machine can read config vars",
    ),
    Fault(
        "folders that all can write",
        f"chmod -R 777 {HOME}/releases {HOME}/slots",
        "access.owner-or-mode",
        "has another owner or mode",
    ),
    Fault(
        "authorized_keys edited",
        "echo 'ssh-ed25519 AAAA me@home' >> /var/lib/ship/.ssh/authorized_keys",
        "access.authorized-keys",
        "Only there: me@home",
    ),
    Fault(
        "authorized_keys gone",
        "rm /var/lib/ship/.ssh/authorized_keys",
        "access.authorized-keys",
        "authorized_keys is missing",
    ),
    Fault(
        "sshd refuses the folder of keys",
        "chmod 777 /var/lib/ship/.ssh; chown ship /var/lib/ship/.ssh",
        "access.owner-or-mode",
        "sshd refuses all keys",
    ),
    Fault(
        "the sudo rule gone",
        "rm /etc/sudoers.d/ship",
        "access.sudo",
        "sudo's rule for ship is missing",
    ),
    Fault(
        "a hook that cannot be run",
        "chmod 644 $(dirname $(/opt/ship/bin/python -c 'import hooks; "
        "print(hooks.__file__)'))/post-receive",
        "push.hook-not-executable",
        "post-receive cannot be run",
    ),
    Fault(
        "the repository's hooks set elsewhere",
        "git --git-dir=/var/lib/ship/repos/ill.git config core.hooksPath /nowhere",
        "push.repository",
        "core.hooksPath",
    ),
    Fault(
        "the account of the app missing",
        "systemctl stop 'ship-ill.*'; userdel ship-ill",
        "account.missing",
        "The account ship-ill is missing",
        takes_site_down=True,
    ),
    Fault(
        "a change that was cut off",
        f'mkdir -m 700 {HOME}/journal; echo \'{{"title":"deploy by laptop"}}\' > '
        f"{HOME}/journal/about.json; touch {HOME}/journal/undo.jsonl",
        "change.unfinished",
        "deploy by laptop",
    ),
    Fault(
        "a worker stopped by hand",
        "systemctl stop ship-ill.ps.worker@1.service",
        "process.down",
        "not running: worker.1",
    ),
    Fault(
        "a timer stopped",
        "systemctl disable --now ship-ill.cron.tick.timer",
        "cron.not-waiting",
        "would not start when they are due",
    ),
    Fault(
        "the unit for the boot gone",
        f"rm {UNITS}/ship-recover.service",
        "boot.recovery",
        "does not start ship-recover.service",
    ),
    Fault(
        "the timer of logs stopped",
        "systemctl disable --now ship-logs.timer",
        "boot.log-timer",
        "ship-logs.timer does not wait",
    ),
    Fault(
        "the folder of logs gone",
        "rm -r /var/log/ship",
        "access.owner-or-mode",
        "There is no /var/log/ship",
    ),
    Fault("ship not on the path", "rm /usr/local/bin/ship", "program.link", "cannot be typed"),
)


def certificate(name: str, days: int) -> str:
    """Have nginx serve the app's name with a certificate for `name` that ends in so many days."""
    return (
        "cd /root && openssl req -newkey rsa:2048 -nodes -keyout k.pem -out c.csr -subj /CN=x"
        f" -addext subjectAltName=DNS:{name} 2>/dev/null"
        " && openssl x509 -req -in c.csr -signkey k.pem -copy_extensions copyall -days "
        f"{days} -out c.pem 2>/dev/null"
        " && echo 'server { listen 443 ssl; server_name ill.example.com; ssl_certificate "
        "/root/c.pem;"
        " ssl_certificate_key /root/k.pem; }' > /etc/nginx/conf.d/mine.conf"
    )


@dataclass(frozen=True)
class Trouble:
    """What is not ship's to mend: it is told, left as it is, and gone when somebody takes it
    away."""

    name: str
    plant: str
    take_away: str
    finding: str
    words: str
    note_only: bool = False


TOLD = (
    Trouble(
        "settings added to a unit",
        f"mkdir -p {UNITS}/ship-ill.web@.service.d; printf '[Service]\\nNice=5\\n"
        f"' > {UNITS}/ship-ill.web@.service.d/mine.conf; systemctl daemon-reload",
        f"rm -r {UNITS}/ship-ill.web@.service.d; systemctl daemon-reload",
        "unit.drop-in",
        "ship-ill.web@.service.d/mine.conf",
        note_only=True,
    ),
    Trouble(
        "a broken file of somebody else's",
        "echo 'serverr {' > /etc/nginx/conf.d/mine.conf",
        "rm /etc/nginx/conf.d/mine.conf",
        "nginx.config",
        "/etc/nginx/conf.d/mine.conf, line 1",
    ),
    Trouble(
        "another site of the same name",
        "echo 'server { listen 80; listen [::]:80; server_name ill.example.com; return 200 "
        "mine; }' > /etc/nginx/conf.d/mine.conf; systemctl reload nginx; sleep 1",
        "rm /etc/nginx/conf.d/mine.conf; systemctl reload nginx; sleep 1",
        "nginx.name-twice",
        "/etc/nginx/conf.d/mine.conf",
    ),
    Trouble(
        "another program on port 80",
        "systemctl stop nginx; systemd-run --quiet --unit=other /usr/bin/python3 -m http.server "
        "80; sleep 1",
        "systemctl stop other; systemctl start nginx",
        "port.http-taken",
        "python3 (process",
    ),
    Trouble(
        "another program on the app's port",
        "port=$(sed -n 's/^port = //p' /var/lib/ship/apps/ill/app.toml); systemctl stop "
        "'ship-ill.web*'; systemd-run --quiet --unit=other /usr/bin/python3 -m http.server "
        "--bind 127.0.0.1 $port; sleep 1",
        "systemctl stop other; /opt/ship/bin/ship doctor --fix -a ill",
        "port.taken",
        "Another program has the port of ill",
    ),
    Trouble(
        "an account in a group of others",
        "usermod -aG shadow ship-ill",
        "gpasswd -d ship-ill shadow",
        "account.groups",
        "ship-ill is in: shadow",
    ),
    Trouble(
        "sshd that takes no keys",
        "echo 'PubkeyAuthentication no' > /etc/ssh/sshd_config.d/mine.conf",
        "rm /etc/ssh/sshd_config.d/mine.conf",
        "ssh.settings",
        "pubkeyauthentication is no",
    ),
    Trouble(
        "sshd that lets others in only",
        "echo 'AllowUsers root' > /etc/ssh/sshd_config.d/mine.conf",
        "rm /etc/ssh/sshd_config.d/mine.conf",
        "ssh.settings",
        "Add ship there",
    ),
    Trouble(
        "a certificate of another name",
        certificate("other.example.com", days=90),
        "rm /etc/nginx/conf.d/mine.conf",
        "certificate.names",
        "not for ill.example.com",
    ),
    Trouble(
        "a certificate that ends soon",
        certificate("ill.example.com", days=3),
        "rm /etc/nginx/conf.d/mine.conf",
        "certificate.ends-soon",
        "It ends on",
    ),
    Trouble(
        "a certificate that has expired",
        certificate("ill.example.com", days=0),
        "rm /etc/nginx/conf.d/mine.conf",
        "certificate.expired",
        "It ended on",
    ),
    Trouble(
        "a disk that is full",
        "mount -t tmpfs -o size=3m none /tmp; dd if=/dev/zero of=/tmp/large bs=1M count=3 "
        "2>/dev/null || true",
        "umount /tmp",
        "disk.full",
        "The disk that /tmp is on is full",
    ),
    Trouble(
        "no room for more files",
        "mount -t tmpfs -o size=900m,nr_inodes=20 none /tmp; cd /tmp && touch $(seq 1 19)",
        "umount /tmp",
        "disk.inodes",
        "has hardly room for more files",
    ),
    Trouble(
        "memory that ran out",
        "printf 'MESSAGE_ID=fe6faa94e7774663a0da52717891d8ef\nUNIT=ship-ill.web@a.service\n"
        "MESSAGE=killed\n' | logger --journald; sleep 1",
        "journalctl --quiet --rotate; journalctl --quiet --vacuum-time=1s",
        "memory.killed",
        "Memory ran out for ship-ill.web@a.service",
    ),
    Trouble(
        "a database where it is lost",
        f"touch -d '-1 hour' {HOME}/releases/v*/built; cd {HOME}/current/source && runuser -u "
        "ship-ill -- /usr/bin/python3 -c 'import sqlite3; "
        'sqlite3.connect("db.sqlite3").execute("create table t (a)")\'',
        f"rm {HOME}/current/source/db.sqlite3",
        "storage.not-kept",
        "keeps a database where the next release does not have it",
    ),
    Trouble(
        "app.toml that cannot be read",
        "cp /var/lib/ship/apps/ill/app.toml /root/kept.toml; echo 'domains = [' >> "
        "/var/lib/ship/apps/ill/app.toml",
        "cp /root/kept.toml /var/lib/ship/apps/ill/app.toml",
        "record.unreadable",
        "app.toml cannot be used",
    ),
)
