"""Who may do what: the grants of keys, for one app or for the whole server.

What a key may do to one app lies in the app's folder, so that it follows a rename and ends with the
app; what it may do to all of them is part of the key's record. The gate asks here at each push:
json is all that is read with.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from receiver.machine import files
from receiver.model.errors import AccessError, ShipError
from receiver.model.grant import GRANTS, Grant, Needs, higher, suffices
from receiver.model.layout import Layout
from receiver.model.names import AppName

_EVERYWHERE = "everywhere"


def everywhere(layout: Layout, key: str) -> Grant | None:
    """What a key may do to every app; `admin` is the server as well.

    A key that was removed may do nothing.
    """
    text = files.read_text(layout.key(key))
    # a record from before there were grants has none: such a key could do everything, and goes on
    # to
    return None if text is None else _known(json.loads(text).get(_EVERYWHERE, "admin"))


def is_settled(layout: Layout, key: str) -> bool:
    """Whether the record of a key says what it may do everywhere: those from before there were
    grants do not.
    """
    return _EVERYWHERE in json.loads(files.read_text(layout.key(key)) or "{}")


def of_app(layout: Layout, app: AppName) -> dict[str, Grant]:
    """What keys were granted for this app alone, by their names."""
    text = files.read_text(layout.app(app).access)
    return (
        {}
        if text is None
        else {key: grant for key, grant in json.loads(text).items() if _known(grant)}
    )


def held(layout: Layout, key: str, app: AppName) -> Grant | None:
    """What a key may do to an app; None: it must not even learn whether there is such an app."""
    return higher(everywhere(layout, key), of_app(layout, app).get(key))


def visible(layout: Layout, key: str | None, names: Iterable[AppName]) -> list[AppName]:
    """Those of the apps that a key may see; all of them for who sits at the server, which is
    None.
    """
    if key is None or everywhere(layout, key):
        return list(names)
    return [name for name in names if key in of_app(layout, name)]


def admit(layout: Layout, key: str, app: AppName, needed: Needs) -> None:
    """Let a key pass, or say why not.

    Raises:
        NotFoundError: there is no such app, or the key may not see it: the same words for both
        ShipError: it sees the app, and may not do this
    """
    found = held(layout, key, app)
    if found is None or not layout.app(app).settings.is_file():
        from receiver.state import records  # noqa: PLC0415 - only this error needs it, and it is slow to import

        error = records.no_such_app(app, visible(layout, key, records.app_names(layout)))
        error.advice = advice_for(layout, key, app) or error.advice
        raise error
    if not suffices(found, needed):
        raise not_granted(key, app, found, needed)


def advice_for(layout: Layout, key: str, app: str) -> str:
    """What to do about an app that is not there, for who cannot make it; nothing for an admin."""
    if everywhere(layout, key) == "admin":
        return ""
    return (
        "An admin can make it. If it is there, whoever manages it can let this key in: `ship "
        f"access:add {key} -a {app}`."
    )


def admit_to_server(layout: Layout, key: str) -> None:
    """Let an admin pass.

    Raises:
        ShipError: the key is none
    """
    if not suffices(everywhere(layout, key), "admin"):
        raise AccessError(
            f"The key {key} may not do this: it is for admins of the server.",
            advice="`ship whoami` tells what it may do. An admin can make it one: `ship "
            f"access:add {key} admin`.",
            reason="access/not-granted",
        )


def not_granted(key: str, app: AppName, found: Grant, needed: Needs) -> ShipError:
    """The error for a key that sees an app, and may not do what it wants."""
    return AccessError(
        f"The key {key} may not do this to {app}.",
        detail=f"It takes the grant {needed}, and the key has {found}.",
        advice=f"Somebody who manages {app} can give it: `ship access:add {key} {needed} -a "
        f"{app}`.",
        reason="access/not-granted",
    )


@contextmanager
def changing(layout: Layout) -> Iterator[None]:
    """Hold the lock under which keys, grants and names of apps are given."""
    with files.locked_file(layout.state / "lock"):
        yield


def write(layout: Layout, app: AppName, grants: dict[str, Grant]) -> None:
    """Replace what `of_app` reads; called under the lock."""
    path = layout.app(app).access
    if not grants:
        files.remove(path)
        return
    text = json.dumps(grants, indent=1, sort_keys=True) + "\n"
    # who reads keys, the receiver, reads grants; apps do neither
    files.write_atomically(path, text, mode=0o640, gid=layout.keys.stat().st_gid)


def forget(layout: Layout, key: str) -> None:
    """Take back what a key was granted for single apps; called under the lock."""
    for path in layout.apps.glob("*/access.json"):
        app = AppName(path.parent.name)
        grants = of_app(layout, app)
        if grants.pop(key, None):
            write(layout, app, grants)


def _known(text: object) -> Grant | None:
    """A grant as it was written; what is none lets nobody in."""
    return next((grant for grant in GRANTS if grant == text), None)
