"""A real authority for the tests: pebble of Debian, on a machine of theirs, trusted by it."""

import json
from dataclasses import dataclass

from tests.vps.machine import Machine

_FOLDER = "/root/pebble"
_API = "https://localhost:14000/dir"
_UNIT = "pebble.service"
# its own certificate for its API; it makes a root at each start, and those of before stay trusted
_PREPARE = f"""
set -e
apt-get install -qq -y --no-install-recommends pebble curl >/dev/null
mkdir -p {_FOLDER} && cd {_FOLDER}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout api.key \
  -out api.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
cp api.pem /usr/local/share/ca-certificates/pebble-api.crt
"""
_TRUST = f"""
set -e
cd {_FOLDER}
curl -fsS --cacert api.pem https://localhost:15000/roots/0 -o root.pem
cp root.pem /usr/local/share/ca-certificates/pebble-root-$(date +%s%N).crt
update-ca-certificates >/dev/null 2>&1
"""


@dataclass
class Authority:
    """It, and what it does wrong."""

    machine: Machine

    @classmethod
    def on(cls, machine: Machine, *, life_s: int = 90 * 86_400) -> "Authority":
        """Install and start it, have the machine trust it, and ship order from it."""
        machine.run(_PREPARE, timeout_s=300)
        made = cls(machine)
        made.configure(life_s=life_s)
        machine.run(f"sed -i '1i acme_server = \"{_API}\"' /etc/ship/ship.toml")
        return made

    def configure(self, *, life_s: int = 90 * 86_400, dns: str = "") -> None:
        """Start it anew, without its accounts, with certificates of this length; `dns` is the
        server of the DNS that it asks, else the machine's.
        """
        settings = {
            "pebble": {
                "listenAddress": "127.0.0.1:14000",
                "managementListenAddress": "127.0.0.1:15000",
                "certificate": f"{_FOLDER}/api.pem",
                "privateKey": f"{_FOLDER}/api.key",
                "httpPort": 80,
                "tlsPort": 443,
                "ocspResponderURL": "",
                "externalAccountBindingRequired": False,
                "certificateValidityPeriod": life_s,
            }
        }
        self.machine.write(f"{_FOLDER}/config.json", json.dumps(settings))
        self.machine.write(
            f"/etc/systemd/system/{_UNIT}",
            "[Service]\nEnvironment=PEBBLE_VA_NOSLEEP=1\n"
            "Environment=PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0\n"
            f"ExecStart=/usr/bin/pebble -config {_FOLDER}/config.json"
            f"{f' -dnsserver {dns}' if dns else ''}\n",
        )
        self.machine.run(f"systemctl daemon-reload; systemctl restart {_UNIT}")
        self.machine.wait_until(self._answers, "has an authority", 30)
        self.machine.run(_TRUST)

    def stop(self) -> None:
        self.machine.run(("systemctl", "stop", _UNIT))

    def _answers(self) -> bool:
        argv = ("curl", "-fsSk", "-o", "/dev/null", _API)
        return self.machine.run(argv, check=False).returncode == 0
