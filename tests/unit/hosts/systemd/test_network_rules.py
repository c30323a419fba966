"""The rules that keep apps apart, compared as they are written; `SHIP_UPDATE_GOLDEN=1` writes them
anew. What they do is tried on a machine."""

import os
from pathlib import Path

from msgspec.structs import replace

from receiver.hosts.systemd.network_rules import Account, mark, rules
from receiver.model.names import AppName
from receiver.model.settings import App

GOLDEN = Path(__file__).parents[3] / "golden" / "systemd" / "network.nft"
SETTINGS = App(port=20_000, port_a=20_001, port_b=20_002)


def account(name: str, uid: int, first: int, **settings: object) -> Account:
    own = replace(SETTINGS, port=first, port_a=first + 1, port_b=first + 2, **settings)
    return Account(AppName(name), uid, own)


BLOG = account("blog", 998, 20_000, open_to=("shop", "gone", "blog"))
SHOP = account("shop", 997, 20_010, link_local=True)


def test_rules_are_as_they_were_agreed() -> None:
    text = rules((BLOG, SHOP))
    if os.environ.get("SHIP_UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_the_order_of_apps_does_not_matter() -> None:
    assert rules((BLOG, SHOP)) == rules((SHOP, BLOG))
    assert mark((BLOG, SHOP)) == mark((SHOP, BLOG))


def test_the_mark_tells_of_every_change() -> None:
    others = (
        (BLOG,),
        (BLOG, SHOP._replace(uid=5)),
        (BLOG, account("shop", 997, 20_010)),
        (account("blog", 998, 20_000), SHOP),
        (BLOG, SHOP._replace(settings=None)),
    )
    assert len({mark((BLOG, SHOP)), *map(mark, others)}) == len(others) + 1
    assert f"chain {mark((BLOG, SHOP))} " in rules((BLOG, SHOP))


def test_an_app_whose_settings_nobody_can_read_is_kept_in() -> None:
    text = rules((Account(AppName("blog"), 998, None),))
    assert "elements = { 998 }" in text.partition("set kept_in")[2].partition("}")[0] + "}"
    assert "elements" not in text.partition("set own")[2].partition("    }")[0]


def test_without_any_app_there_are_rules_too() -> None:
    assert "elements" not in rules(())
