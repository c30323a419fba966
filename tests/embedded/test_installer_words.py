"""What installer.sh makes of words that cannot be meant, and of a domain that nobody named."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.embedded
INSTALLER = Path(__file__).parents[2] / "installer.sh"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        *(
            (words, f"The option {option} needs a value.")
            for option in ("--domain", "--key", "--root")
            for words in (
                [option],
                [option, ""],
                [f"{option}="],
                [option, "--http"],
                [option, "-h"],
            )
        ),
        (["--demo", "--root"], "The option --root needs a value."),
        (["--uninstall", "--key"], "The option --key needs a value."),
        (["example.com"], "There is no option example.com."),
        (["--domian=example.com"], "There is no option --domian=example.com."),
        ([""], "There is no option ."),
    ],
)
def test_words_that_cannot_be_meant_end_it(words: list[str], told: str) -> None:
    done = subprocess.run(
        ("bash", INSTALLER, *words), capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f" !     {told}\n")
    assert len(done.stderr.splitlines()) <= 5
    assert done.stdout == ""


NAT = "This machine's address is private"


@pytest.mark.parametrize(
    ("addresses", "domain"),
    [
        ("203.0.113.7", "203-0-113-7.sslip.io"),
        ("10.0.0.5 172.17.0.1 203.0.113.7 2001:db8::9", "203-0-113-7.sslip.io"),
        ("fd00::1 100.128.0.1 203.0.113.7", "100-128-0-1.sslip.io"),
        ("2001:db8:1:2::9", "2001-db8-1-2--9.sslip.io"),
        ("fd00::1 2001:db8:1::", "2001-db8-1--0.sslip.io"),
    ],
)
def test_without_a_domain_it_is_one_of_the_public_address(
    addresses: str, domain: str, tmp_path: Path
) -> None:
    done = domain_of(addresses, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{domain}\n", "")


@pytest.mark.parametrize(
    ("addresses", "shown"),
    [
        *(
            (address, address)
            for address in ("10.0.0.5", "100.64.0.1", "172.31.0.9", "192.168.1.2", "169.254.0.3")
        ),
        ("172.16.0.9 2001:db8::9", "172.16.0.9"),
        ("fd00::1", "none"),
        ("", "none"),
    ],
)
def test_behind_a_router_it_asks_for_one(addresses: str, shown: str, tmp_path: Path) -> None:
    done = domain_of(addresses, tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{NAT} ({shown}): a router has the public one (NAT)" in done.stderr
    assert "--domain 203-0-113-7.sslip.io" in done.stderr


def domain_of(addresses: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What installer.sh makes of the addresses that a machine has."""
    functions = INSTALLER.read_text().removesuffix('main "$@"\n')
    program = folder / "domain_of"
    program.write_text(f"{functions}\ninstaller::domain_of {addresses}\n")
    argv = ("bash", program)
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
