"""`ship check`: try a commit as a push of it would be tried, without a release."""

from receiver.cli import forward, show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, command, for_app
from receiver.cli.place import Here

_DEPLOY_BRANCHES = ("main", "master")


def _over_ssh(call: Call, place: Destination) -> int:
    if target := unpushed(call):
        return push_option(call, target, "check")
    return forward.become_ssh(place, ["check", "--app", call.app], call.environment, terminal=False)


@command(
    "check",
    over_ssh=_over_ssh,
    example="$ ship check\n...\nremote: -----> Starting it where nobody is sent to, and asking it\n"
    "remote:        GET / answered 200 after 0.41 s.\nremote: -----> 1a2b3c4 passed its check\n"
    "remote:        Nothing was released: v3 serves as before.\nTo example.com:blog\n"
    " * [new reference]   HEAD -> refs/ship/checked",
)
@for_app
def check(call: Call) -> int:
    """Build, start and ask what this checkout has committed, or what was pushed last; release
    nothing.

    What counts as an answer is shown by `ship checks`; `ship checks:run` asks the release that is
    live.
    """
    if target := unpushed(call):
        return push_option(call, target, "check")
    from receiver.deploy import retrying

    return retrying.check(call.server, call.app, call.by, show.transcript, call.entry)


def unpushed(call: Call) -> str | None:
    """Where this checkout has a commit to push that is not what was pushed last; None where it has
    none, or nobody stands in a checkout.
    """
    place = call.place
    if isinstance(place, Here) and (call.key is not None or place.root is None):
        return None
    named = (remote.name for remote in call.checkout.ship_remotes() if remote.app == call.app)
    target = next(named, None)
    if target is None and isinstance(place, Destination):
        target = place.remote_of(call.app)
    head = call.checkout.head() if target else None
    if target is None or head is None or head == call.checkout.remote_head(target)[1]:
        return None
    return target


def push_option(call: Call, target: str, option: str) -> int:
    """Go on as `git push`, with an option by which nothing moves: so it may go back in history
    as well.
    """
    if call.checkout.has_changes():
        show.progress("What is not committed is left out.")
    branch, _ = call.checkout.remote_head(target)
    own = call.checkout.branch()
    branch = branch or (own if own in _DEPLOY_BRANCHES else _DEPLOY_BRANCHES[0])
    words = ["push", f"--push-option={option}", "--", target, f"+HEAD:refs/heads/{branch}"]
    return forward.become_git(words, call.environment)
