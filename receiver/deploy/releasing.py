"""The stories that end with a release live: a deploy, a change of config vars, a rollback."""

from receiver.certificates import asking, late
from receiver.deploy.stages.again import Pending, decide_config, decide_rollback
from receiver.deploy.stages.branch import hold_to
from receiver.deploy.stages.build import build
from receiver.deploy.stages.config import change_config
from receiver.deploy.stages.decision import decide
from receiver.deploy.stages.ready import stand_ready
from receiver.deploy.stages.requests import ConfigChange, Push, Rollback
from receiver.deploy.stages.takeover import take_over
from receiver.deploy.stages.transition import transition
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.release import Release
from receiver.server import Server
from receiver.state import records


def deploy(server: Server, push: Push, out: Output) -> Release:
    """Build the pushed tree, check it, and have it take over.

    Raises:
        ShipError: it did not work; the release before it serves as it did
    """
    out.step(f"Receiving {push.commit[:7]} for {push.app}")
    with transition(server, push.app, push.about("deploy"), out, replaces=True) as work:
        hold_to(work, push)
        decision = decide(work.state, push, out)
        built = build(work, decision)
        ready = stand_ready(work, built)
        take_over(work, ready)
    release = _announce(server, ready.release, out)
    out.remarks(ready.remarks)
    return release


def reconfigure(server: Server, change: ConfigChange, out: Output) -> Release | None:
    """Change config vars: a release of the same code, or only a record before the first push.

    Returns:
        the new release; None when there is no code yet, or the app runs with these already

    Raises:
        ShipError: the app does not come up with these; the config vars are as they were
    """
    with transition(server, change.app, change.about, out) as work:
        decision = decide_config(work.state, change, out)
        if isinstance(decision, Pending):
            change_config(work, decision.stored)
            out.say(decision.why)
            return None
        built = build(work, decision)
        ready = stand_ready(work, built)
        take_over(work, ready)
    return _announce(server, ready.release, out)


def rollback(server: Server, request: Rollback, out: Output) -> Release:
    """Make an earlier release live again, as a new release: its code, virtualenv, config and
    processes.

    Raises:
        NotFoundError: there is no such release, or none before the live one
        ShipError: it does not come up any more; the live release goes on serving
    """
    with transition(server, request.app, request.about, out, replaces=True) as work:
        decision = decide_rollback(work.state, request, out)
        built = build(work, decision)
        ready = stand_ready(work, built)
        take_over(work, ready)
    return _announce(server, ready.release, out)


def _announce(server: Server, release: Release, out: Output) -> Release:
    app = AppName(release.app)
    stopped = records.read_app(server.app(app)).stopped
    serves = release.served == "files" or (release.served == "process" and not stopped)
    out.step(f"{release.label} is live" if serves else f"{release.label} is deployed")
    if release.restores is not None:
        out.say(f"It serves what v{release.restores} served.")
    ordered = asking.ask_for(server, app)
    if serves:
        out.say(server.url(app))
        if ordered and (why := asking.why_not_https(server, app)):
            out.say(why)
        for notice in late.notices(server, app):
            out.warn(notice)
    elif release.served == "nothing":
        out.say("It has no web process: visitors get no page.")
    else:
        out.say("Web is stopped: visitors get no page. To start it: ship ps:start web")
    return release
