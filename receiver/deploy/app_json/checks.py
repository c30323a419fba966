"""The health checks of an app.json, in the form of Dokku's, as the one check that ship makes.

Pure.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from receiver.model.app_json import Healthcheck, form_of, invalid
from receiver.model.check import Check

_ORDER = ("startup", "readiness", "liveness")
"""Ship asks a release when it is to take over, which is what a startup check is for."""
_HOST = "host"


def declared_check(
    healthchecks: Mapping[str, Sequence[Healthcheck]], own: Check
) -> tuple[Check, tuple[str, ...]]:
    """How the release is checked, and sentences on what of the health checks does not count.

    Args:
        healthchecks: those of app.json, by process type
        own: [check] of ship.toml, which goes before them

    Raises:
        BuildError: a value of the one that counts cannot be
    """
    others = [f"healthchecks.{name}" for name in healthchecks if name != "web"]
    notices = (
        [f"app.json: {', '.join(others)} does not count: only web is asked."] if others else []
    )
    of_web = healthchecks.get("web", ())
    asked = [check for check in of_web if check.path is not None]
    if len(asked) < len(of_web):
        idle = ", ".join(check.name or check.type for check in of_web if check.path is None)
        notices.append(f"app.json: a health check without a path does not count: {idle}.")
    if not asked:
        return own, tuple(notices)
    if own != Check():
        return own, (*notices, "[check] in ship.toml counts, not the healthchecks of app.json.")
    chosen = min(asked, key=lambda check: _ORDER.index(check.type))
    return _check(chosen), (*notices, *_left_out(asked, chosen))


def _check(chosen: Healthcheck) -> Check:
    hosts = [header.value for header in chosen.http_headers if header.name.lower() == _HOST]
    settings = {
        "path": chosen.path,
        "host": hosts[-1] if hosts else None,
        "timeout_s": chosen.timeout,
        "attempts": chosen.attempts,
        "wait_s": chosen.wait,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    try:
        return msgspec.convert(given, Check)
    except msgspec.ValidationError as error:
        seen, _, place = str(error).partition(" - at `$.")
        detail = f"`healthchecks.web`: {place.rstrip('`')}: {seen}."
        raise invalid(detail, form_of("healthchecks")) from error


def _left_out(asked: Sequence[Healthcheck], chosen: Healthcheck) -> Iterator[str]:
    if len(asked) > 1:
        yield f"Of the healthchecks in app.json, one counts: {chosen.type}, {chosen.path}."
    headers = [header.name for header in chosen.http_headers if header.name.lower() != _HOST]
    if headers:
        yield f"Of a health check's headers only Host is sent, not {', '.join(headers)}."
