"""The machine that is measured: ship by its installer, the hand-made hook beside it, and a bare
repo as the floor."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.vps.laptop import Key, Laptop, trust_as_root
from tests.vps.machine import Machine

NAME = "vps"
DOMAIN = "example.test"
FOLDER = Path(__file__).parent.parent
HAND_HOST = f"hand.{DOMAIN}"

HOOK = """#!/bin/sh
set -e
git --work-tree=/srv/hand --git-dir=/srv/hand.git checkout -f main
/srv/hand/venv/bin/pip install -r /srv/hand/requirements.txt
sudo systemctl reload hand
"""
UNIT = """[Unit]
Description=Gunicorn of a hand-made site
After=network.target

[Service]
Type=notify
User=deploy
Group=deploy
WorkingDirectory=/srv/hand
ExecStart=/srv/hand/venv/bin/gunicorn --workers 2 --bind 127.0.0.1:8000 app:app
ExecReload=/bin/kill -s HUP $MAINPID
KillMode=mixed
TimeoutStopSec=5
PrivateTmp=true
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""
SITE = f"""server {{
    listen 80;
    server_name {HAND_HOST};
    location / {{
        proxy_set_header Host $http_host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_redirect off;
        proxy_pass http://127.0.0.1:8000;
    }}
}}
"""
BY_HAND = """set -e
useradd --create-home --shell /bin/bash deploy
install -d -m 0700 -o deploy -g deploy /home/deploy/.ssh
install -m 0600 -o deploy -g deploy /root/laptop.pub /home/deploy/.ssh/authorized_keys
echo 'deploy ALL=(root) NOPASSWD: /usr/bin/systemctl reload hand' >/etc/sudoers.d/deploy
install -d -o deploy -g deploy /srv/hand /srv/hand.git /srv/floor.git
runuser -u deploy -- git init -q --bare -b main /srv/hand.git
runuser -u deploy -- git init -q --bare -b main /srv/floor.git
runuser -u deploy -- python3 -m venv /srv/hand/venv
ln -s /etc/nginx/sites-available/hand /etc/nginx/sites-enabled/hand
nginx -t
systemctl daemon-reload
systemctl reload nginx
"""
START_HAND = "systemctl enable --now hand"


@dataclass(frozen=True)
class Installed:
    """The machine, ready to be pushed to."""

    machine: Machine
    laptop: Laptop
    key: Key
    commit: str

    def ship(self, *words: str) -> str:
        """Run a ship command over ssh, as a person does."""
        return self.laptop.ssh(f"ship@{NAME}", words, key=self.key, timeout_s=300).stdout


def install(machine: Machine, folder: Path, revision: str = "HEAD") -> Installed:
    """Install ship by its installer, and set up the hand-made site and the floor beside it."""
    laptop = Laptop(folder)
    laptop.knows(machine)
    key = laptop.key()
    trust_as_root(machine, key)
    commit = _copy_sources(machine, folder / "sources", revision)
    machine.write("/root/laptop.pub", key.public + "\n")
    # a state from before there was a choice brought no compiler either
    slim = ("--slim",) if "--slim" in machine.read("/root/ship/installer.sh") else ()
    options = ("--domain", DOMAIN, "--key", "laptop=/root/laptop.pub")
    machine.run(("/root/ship/installer.sh", *options, *slim), timeout_s=600)
    machine.write("/etc/systemd/system/hand.service", UNIT)
    machine.write("/etc/nginx/sites-available/hand", SITE)
    machine.run(BY_HAND)
    machine.write("/srv/hand.git/hooks/post-receive", HOOK)
    machine.run(("chmod", "0755", "/srv/hand.git/hooks/post-receive"))
    return Installed(machine, laptop, key, commit)


def _copy_sources(machine: Machine, folder: Path, revision: str) -> str:
    """Put what is committed on the machine; returns the commit."""
    folder.mkdir()
    head = ("git", "-C", str(FOLDER), "rev-parse", "--short", f"{revision}^{{commit}}")
    commit = subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
    archive = ("git", "-C", str(FOLDER), "archive", commit)
    packed = subprocess.run(archive, check=True, capture_output=True).stdout
    subprocess.run(("tar", "-x", "-C", str(folder)), input=packed, check=True)
    machine.copy_in(folder, "/root/ship")
    return commit
