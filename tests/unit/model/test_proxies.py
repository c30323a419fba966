"""Which proxies are meant by trusted_proxies."""

import msgspec
import pytest

from receiver.model.proxies import CLOUDFLARE, headers, networks
from receiver.model.settings import Server


def test_addresses_networks_and_services() -> None:
    assert networks(["10.0.0.7", "10.0.1.9/24", "2001:db8::1", "10.0.0.7/32"]) == (
        "10.0.0.7",
        "10.0.1.0/24",
        "2001:db8::1",
    )
    assert networks(["Cloudflare", "104.16.0.0/13"]) == CLOUDFLARE
    assert headers(["cloudflare", "::1"]) == ("CF-Connecting-IP",)


def test_the_list_is_written_as_nginx_takes_it() -> None:
    assert networks(CLOUDFLARE) == CLOUDFLARE


@pytest.mark.parametrize(
    "word", ["cloudfare", "proxy.example.com", "10.0.0.0/33", "", "1;deny all", "fe80::1%a;b"]
)
def test_anything_else_is_refused_where_the_file_is_read(word: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="is not an address, a network"):
        msgspec.convert({"domain": "example.com", "trusted_proxies": [word]}, Server)


def test_a_near_miss_is_named() -> None:
    with pytest.raises(ValueError, match='Did you mean "cloudflare"'):
        networks(["cloudfare"])
