"""Why visitors do not see an app although nothing is wrong with it: somebody wanted it so, or
nothing was pushed yet.
"""

from collections.abc import Iterator

from receiver.doctor.seen import AppSeen
from receiver.model.finding import Finding
from receiver.model.names import AppName


def look(app: AppSeen) -> Iterator[Finding]:
    """A note of what `ship doctor` would otherwise call well, and a visitor would not."""
    name, closed = app.name, app.settings.maintenance
    if not app.is_known:
        return
    if app.release is None:
        yield _note(name, "web.not-deployed", "has no release yet", "404", "`git push prod main`.")
    elif app.settings.stopped and app.release.served == "process":
        yield _note(name, "web.stopped", "was stopped", "503", f"`ship ps:start -a {name}`.")
    elif closed is not None:
        title = f"is in maintenance, by {closed.by} since {closed.since}"
        advice = f"`ship maintenance:off -a {name}`."
        yield _note(name, "web.maintenance", title, "503 with its page", advice)


def _note(app: AppName, name: str, title: str, status: str, advice: str) -> Finding:
    return Finding(
        name=name,
        app=app,
        severity="note",
        title=f"{app} {title}: visitors get {status}.",
        advice=advice,
    )
