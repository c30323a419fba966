"""Which ports a firewall closes, by what ufw and nft print."""

import pytest

from receiver.machine.firewall_rules import (
    closed_by_nft,
    closed_by_ufw,
    closing_chains,
    named_by_ufw,
)

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


def test_a_chain_of_nft_is_named_as_nft_has_it() -> None:
    rules = NFT.format(policy="drop", rule="tcp dport 22 accept")
    assert closing_chains(rules, 80) == ("inet filter input",)
    assert closing_chains(rules, 22) == ()


@pytest.mark.parametrize(
    ("rule", "ports"),
    [
        ("ufw allow 22/tcp", {22}),
        ("ufw limit 22", {22}),
        ("ufw allow 80,443/tcp", {80, 443}),
        ("ufw allow from 10.0.0.0/8 to any port 22 proto tcp", {22}),
        ("ufw allow OpenSSH", {22}),
        ("ufw allow 'Nginx Full'", {80, 443}),
        ("ufw deny 80/tcp", {80}),
        ("ufw allow 2222/tcp", set()),
        ("ufw allow from 80.22.0.443", set()),
        ("Added user rules (see 'ufw status' for running firewall):", set()),
    ],
)
def test_what_an_administrator_has_decided_on_is_known(rule: str, ports: set[int]) -> None:
    assert {port for port in (22, 80, 443) if named_by_ufw(rule, port)} == ports
