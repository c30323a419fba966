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
    Fault(
        "the rules of the network gone",
        "nft delete table inet ship",
        "network.open",
        "Apps are not kept apart on the network",
    ),
)


def certificate(name: str, days: int) -> str:
    """Have nginx serve a name with a certificate for `name` that ends in so many days."""
    return (
        "cd /root && openssl req -newkey rsa:2048 -nodes -keyout k.pem -out c.csr -subj /CN=x"
        f" -addext subjectAltName=DNS:{name} 2>/dev/null"
        " && openssl x509 -req -in c.csr -signkey k.pem -copy_extensions copyall -days "
        f"{days} -out c.pem 2>/dev/null"
        " && echo 'server { listen 443 ssl; server_name mine.example.com; ssl_certificate "
        "/root/c.pem;"
        " ssl_certificate_key /root/k.pem; }' > /etc/nginx/conf.d/mine.conf"
    )


@dataclass(frozen=True)
class Trouble:
    """What is not ship's to mend: it is told and left as it is, until somebody does what is
    advised.
    """

    name: str
    plant: str
    finding: str
    words: str
    advice: str
    """What it has to advise."""
    by_hand: str = ""
    """What somebody types who reads that; empty where it is the commands of the advice."""
    afterwards: str = ""
    """Takes away what was planted beside the fault, for the tests that follow."""
    note_only: bool = False


MINE = "/etc/nginx/conf.d/mine.conf"
NO_MINE = f"rm {MINE}; systemctl reload nginx; sleep 1"
NO_OTHER = "rm /etc/systemd/system/other.service; systemctl daemon-reload"
SMALL = "mount -t tmpfs -o size="


def other_service(command: str) -> str:
    """Have a service that is nobody's run a command."""
    return (
        f'printf "[Service]\\nExecStart={command}\\n" > /etc/systemd/system/other.service; '
        "systemctl daemon-reload; systemctl start other; sleep 1"
    )


TOLD = (
    Trouble(
        "settings added to a unit",
        f"mkdir -p {UNITS}/ship-ill.web@.service.d; printf '[Service]\\nNice=5\\n"
        f"' > {UNITS}/ship-ill.web@.service.d/mine.conf; systemctl daemon-reload",
        "unit.drop-in",
        "ship-ill.web@.service.d/mine.conf",
        "remove the file, then `systemctl daemon-reload`",
        f"rm -r {UNITS}/ship-ill.web@.service.d; systemctl daemon-reload",
        note_only=True,
    ),
    Trouble(
        "a broken file of somebody else's",
        f"echo 'serverr {{' > {MINE}",
        "nginx.config",
        f"{MINE}, line 1",
        "Correct it, or take it out of /etc/nginx/conf.d",
        f"mv {MINE} /root/",
    ),
    Trouble(
        "another site of the same name",
        "echo 'server { listen 80; listen [::]:80; server_name ill.example.com; return 200 "
        f"mine; }}' > {MINE}; systemctl reload nginx; sleep 1",
        "nginx.name-twice",
        MINE,
        "Take the name out of the file that is not ship's, then `systemctl reload nginx`.",
        f"sed -i 's/ill.example.com/mine.example.com/' {MINE}; systemctl reload nginx; sleep 1",
        NO_MINE,
    ),
    Trouble(
        "nginx reads no sites",
        "sed -i '/sites-enabled/d' /etc/nginx/nginx.conf; systemctl reload nginx; sleep 1",
        "nginx.not-included",
        "/etc/nginx/nginx.conf does not include /etc/nginx/sites-enabled/*.",
        "Add `include '/etc/nginx/sites-enabled/*';` to the http section of "
        "/etc/nginx/nginx.conf, then `systemctl reload nginx`.",
        "sed -i \"s#^http {#http { include '/etc/nginx/sites-enabled/*';#\" /etc/nginx/nginx.conf; "
        "systemctl reload nginx; sleep 1",
    ),
    Trouble(
        "nginx removed",
        "apt-get remove -qq -y nginx-common 2>&1",
        "nginx.not-installed",
        "nginx is not installed.",
        "Install it with `apt-get install nginx-light`",
        "apt-get install -qq -y nginx-light 2>&1",
    ),
    Trouble(
        "another program on port 80",
        f"systemctl stop nginx; {other_service('/usr/bin/python3 -m http.server 80')}",
        "port.http-taken",
        "python3 (process",
        "`systemctl disable --now other.service`; then `ship doctor --fix`.",
        afterwards=NO_OTHER,
    ),
    Trouble(
        "another program on the app's port",
        "port=$(sed -n 's/^port = //p' /var/lib/ship/apps/ill/app.toml); systemctl stop "
        "'ship-ill.web*'; "
        + other_service("/usr/bin/python3 -m http.server --bind 127.0.0.1 $port"),
        "port.taken",
        "Another program has the port of ill",
        "`systemctl disable --now other.service`; then `ship doctor --fix -a ill`.",
        afterwards=NO_OTHER,
    ),
    Trouble(
        "an account in a group of others",
        "usermod -aG shadow ship-ill",
        "account.groups",
        "ship-ill is in: shadow",
        "`gpasswd -d ship-ill shadow`, then `ship ps:restart -a ill`.",
    ),
    Trouble(
        "no key at all",
        "cut -d' ' -f2- /var/lib/ship/.ssh/authorized_keys | grep -o 'ssh-ed25519 .*' > "
        "/root/id_ed25519.pub; ship keys:remove laptop",
        "access.no-keys",
        "No ssh key may push",
        "`ship keys:add laptop --admin < id_ed25519.pub`.",
    ),
    Trouble(
        "sshd stopped",
        "systemctl disable --now ssh.service ssh.socket",
        "ssh.down",
        "sshd does not run.",
        "`systemctl enable --now ssh`.",
    ),
    Trouble(
        "sshd that takes no keys",
        "echo 'PubkeyAuthentication no' > /etc/ssh/sshd_config.d/mine.conf",
        "ssh.settings",
        "pubkeyauthentication is no",
        "At the end of /etc/ssh/sshd_config:\n  Match User ship\n      PubkeyAuthentication yes\n"
        "Then `systemctl reload ssh`.",
        "printf '  Match User ship\\n      PubkeyAuthentication yes\\n' >> /etc/ssh/sshd_config; "
        "systemctl reload ssh",
        "rm /etc/ssh/sshd_config.d/mine.conf; sed -i '/Match User ship/,$d' /etc/ssh/sshd_config; "
        "systemctl reload ssh",
    ),
    Trouble(
        "sshd that lets others in only",
        "echo 'AllowUsers root' > /etc/ssh/sshd_config.d/mine.conf",
        "ssh.settings",
        "allowusers is root, without ship",
        "Add ship to it, in /etc/ssh/sshd_config or a file of /etc/ssh/sshd_config.d, then "
        "`systemctl reload ssh`.",
        "sed -i 's/AllowUsers root/& ship/' /etc/ssh/sshd_config.d/mine.conf; systemctl reload ssh",
        "rm /etc/ssh/sshd_config.d/mine.conf; systemctl reload ssh",
    ),
    Trouble(
        "a firewall with a port closed",
        "nft add table inet mine; nft 'add chain inet mine input { type filter hook input priority "
        "0; policy drop; }'; nft add rule inet mine input iif lo accept; "
        "nft add rule inet mine input tcp dport 22 accept",
        "firewall.closed",
        "The firewall does not let port 80 through.",
        "`nft insert rule inet mine input tcp dport 80 accept`.",
        afterwards="nft delete table inet mine",
    ),
    Trouble(
        "a name that leads elsewhere",
        "ip address add 8.8.4.4/32 dev eth0; "
        "cp /etc/hosts /root/hosts; echo 8.8.8.8 ill.example.com >> /etc/hosts",
        "dns.elsewhere",
        "It leads to 8.8.8.8; this machine has",
        "Without one in between, change the name's A and AAAA records.",
        "sed -i 's/^8.8.8.8 /8.8.4.4 /' /etc/hosts",
        "ip address del 8.8.4.4/32 dev eth0; cp /root/hosts /etc/hosts",
        note_only=True,
    ),
    Trouble(
        "a certificate of another name",
        certificate("other.example.com", days=90),
        "certificate.names",
        "not for mine.example.com",
        "Have a certificate made for these names too.",
        certificate("mine.example.com", days=90),
        NO_MINE,
    ),
    Trouble(
        "a certificate that ends soon",
        certificate("mine.example.com", days=3),
        "certificate.ends-soon",
        "It ends on",
        "Renew it; where certbot made it: `certbot renew`, then `systemctl reload nginx`.",
        certificate("mine.example.com", days=90) + " && systemctl reload nginx",
        NO_MINE,
    ),
    Trouble(
        "a certificate that has expired",
        certificate("mine.example.com", days=0),
        "certificate.expired",
        "It ended on",
        "Renew it; where certbot made it: `certbot renew`, then `systemctl reload nginx`.",
        certificate("mine.example.com", days=90) + " && systemctl reload nginx",
        NO_MINE,
    ),
    Trouble(
        "a disk that is full",
        f"{SMALL}3m none /tmp; dd if=/dev/zero of=/tmp/large bs=1M count=3 2>/dev/null || true",
        "disk.full",
        "The disk that /tmp is on is full",
        "Nothing of ship's is large here: `du -axm /tmp | sort -n | tail` shows what is.",
        "du -axm /tmp | sort -n | tail | grep -o /tmp/large | xargs rm",
        "umount /tmp",
    ),
    Trouble(
        "a disk that is almost full",
        f"{SMALL}700m none /tmp; fallocate -l 632M /tmp/large",
        "disk.low",
        "The disk that /tmp is on is almost full",
        "Nothing of ship's is large here: `du -axm /tmp | sort -n | tail` shows what is.",
        "du -axm /tmp | sort -n | tail | grep -o /tmp/large | xargs rm",
        "umount /tmp",
    ),
    Trouble(
        "no room for more files",
        f"{SMALL}900m,nr_inodes=20 none /tmp; mkdir /tmp/many; cd /tmp/many && touch $(seq 1 18)",
        "disk.inodes",
        "has hardly room for more files",
        "`du --inodes -x -d 3 /tmp | sort -n | tail` shows where.",
        "du --inodes -x -d 3 /tmp | sort -n | tail | grep -o /tmp/many | xargs rm -r",
        "umount /tmp",
    ),
    Trouble(
        "memory that ran out",
        "printf 'MESSAGE_ID=fe6faa94e7774663a0da52717891d8ef\nUNIT=ship-ill.web@a.service\n"
        "MESSAGE=killed\n' | logger --journald; sleep 1",
        "memory.killed",
        "Memory ran out for ship-ill.web@a.service",
        "`ship limits:set memory=256M -a ill`.",
        # that it happened is told for a day
        "ship limits:set memory=256M -a ill; "
        "journalctl --quiet --rotate; journalctl --quiet --vacuum-time=1s",
        "ship limits:unset '*' -a ill",
    ),
    Trouble(
        "a database where it is lost",
        f"touch -d '-1 hour' {HOME}/releases/v*/built; cd {HOME}/current/source && runuser -u "
        "ship-ill -- /usr/bin/python3 -c 'import sqlite3; "
        'sqlite3.connect("db.sqlite3").execute("create table t (a)")\'',
        "storage.not-kept",
        "keeps a database where the next release does not have it",
        "`ship storage:mount db.sqlite3 -a ill`",
        afterwards="ship storage:unmount db.sqlite3 -a ill; "
        f"rm -f {HOME}/current/source/db.sqlite3",
    ),
    Trouble(
        "app.toml that cannot be read",
        "cp /var/lib/ship/apps/ill/app.toml /root/kept.toml; echo 'domains = [' >> "
        "/var/lib/ship/apps/ill/app.toml",
        "record.unreadable",
        "app.toml cannot be used",
        "Correct the file; nothing was changed. Then `ship doctor --fix -a ill`.",
        "cp /root/kept.toml /var/lib/ship/apps/ill/app.toml; ship doctor --fix -a ill",
    ),
    Trouble(
        "packages half installed",
        "sed -i '/^Package: sensible-utils$/,/^$/s/^Status: .*/Status: install ok unpacked/' "
        "/var/lib/dpkg/status",
        "packages.interrupted",
        "only half installed",
        "`sudo dpkg --configure -a`.",
    ),
    Trouble(
        "a hook that is gone",
        "mv $(dirname $(/opt/ship/bin/python -c 'import hooks; print(hooks.__file__)'))"
        "/post-receive /root/",
        "push.hook-missing",
        "The hook post-receive is missing.",
        "Install ship again: `./installer.sh`.",
        "cd /root/ship && ./installer.sh --slim 2>&1",
    ),
)
