"""Which ports a firewall closes, by what ufw and nft print."""

import pytest

from receiver.hosts.systemd.doctor.firewall_rules import closed_by_nft, closed_by_ufw

PORTS = (22, 80)
UFW = """\
Status: active

To                         Action      From
--                         ------      ----
{rules}
"""
NFT = """\
table inet filter {{
\tchain input {{
\t\ttype filter hook input priority filter; policy {policy};
\t\tct state established,related accept
\t\t{rule}
\t}}
}}
"""


@pytest.mark.parametrize(
    ("rules", "closed"),
    [
        ("22/tcp                     ALLOW       Anywhere", (80,)),
        (
            (
                "OpenSSH                    ALLOW       Anywhere\n"
                "Nginx Full                 ALLOW       Anywhere"
            ),
            (),
        ),
        (
            (
                "22                         LIMIT       Anywhere\n"
                "80,443/tcp                 ALLOW       Anywhere"
            ),
            (),
        ),
        (
            (
                "22/tcp                     ALLOW       Anywhere\n"
                "80/tcp                     DENY        Anywhere"
            ),
            (80,),
        ),
        ("80/udp                     ALLOW       Anywhere", (22, 80)),
    ],
)
def test_ufw(rules: str, closed: tuple[int, ...]) -> None:
    assert closed_by_ufw(UFW.format(rules=rules), PORTS) == closed


def test_a_ufw_that_is_off_closes_nothing() -> None:
    assert closed_by_ufw("Status: inactive\n", PORTS) == ()


@pytest.mark.parametrize(
    ("policy", "rule", "closed"),
    [
        ("drop", "tcp dport 22 accept", (80,)),
        ("drop", "tcp dport { 22, 80, 443 } accept", ()),
        ("drop", "tcp dport { ssh, http } accept", ()),
        ("drop", "tcp dport 20-90 accept", ()),
        ("drop", "tcp dport 80 drop", (22, 80)),
        ("drop", "tcp dport 22 accept\n\t\tjump mine", ()),
        ("accept", "", ()),
    ],
)
def test_nft(policy: str, rule: str, closed: tuple[int, ...]) -> None:
    assert closed_by_nft(NFT.format(policy=policy, rule=rule), PORTS) == closed
