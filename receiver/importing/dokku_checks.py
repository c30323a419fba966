"""What Ship makes of Dokku's file CHECKS: settings, and pages that are asked for. Pure."""

from collections.abc import Iterator
from typing import Any

from receiver.importing.values import Fate, Finding, Imported
from receiver.model.patterns import regex

FILE = "CHECKS"
_SETTING = regex(r"(WAIT|TIMEOUT|ATTEMPTS)=(\d+)\s*(?:#.*)?")
_PAGE = regex(
    r"(?:(?P<scheme>https?):)?(?://(?P<host>[^/\s]+))?(?P<path>/\S*)?(?:\s+(?P<text>.+))?"
)
_OURS = {"WAIT": "wait_s", "TIMEOUT": "timeout_s", "ATTEMPTS": "attempts"}


def import_checks(text: str) -> Imported:
    """The one check that Ship makes is the first page; the settings go along with it."""
    check: dict[str, Any] = {}
    findings = [
        Finding(FILE, f"{number}: {line.strip()}", *_line(line.strip(), check))
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.strip().startswith("#")
    ]
    return Imported(findings=tuple(findings), manifest={"check": check} if check else {})


def _line(line: str, check: dict[str, Any]) -> tuple[Fate, str]:
    """The fate of a line, and a sentence; what goes into ship.toml is added to `check`."""
    setting = _SETTING.fullmatch(line)
    if setting is not None:
        return _setting(setting[1], int(setting[2]), check)
    page = _PAGE.fullmatch(line)
    if page is None or not (page["host"] or page["path"]):
        return "lost", "It is neither a setting nor a page."
    if "path" in check:
        return "lost", f"One page is asked for, and {check['path']} is the first."
    check["path"] = page["path"] or "/"
    if page["host"]:
        check["host"] = page["host"]
    return "toml", " ".join(_page(page["scheme"], page["text"], check))


def _setting(name: str, value: int, check: dict[str, Any]) -> tuple[Fate, str]:
    if value == 0:
        return (
            "lost",
            (
                "A new release is always asked before it takes over; waiting for nothing needs "
                "no line."
            ),
        )
    check[_OURS[name]] = value
    return "toml", f"[check] {_OURS[name]} = {value}"


def _page(scheme: str | None, text: str | None, check: dict[str, Any]) -> Iterator[str]:
    host = f", host = {check['host']!r}" if "host" in check else ""
    yield f"[check] path = {check['path']!r}{host}."
    if scheme == "https":
        yield "It is asked as a visitor of https would be, where the app sends visitors on to it."
    if text:
        yield "The status decides, not the text: have the page answer 500 when something is wrong."
