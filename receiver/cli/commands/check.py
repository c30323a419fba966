"""`ship check`: try a commit as a push of it would be tried, without a release."""

from typing import TYPE_CHECKING

from receiver.cli import forward, show
from receiver.cli.checkout import Checkout, Destination
from receiver.cli.command import Call, command, for_app
from receiver.cli.place import Here

if TYPE_CHECKING:
    from receiver.model.names import AppName

_DEPLOY_BRANCHES = ("main", "master")


def _over_ssh(call: Call, place: Destination) -> int:
    target = remote_of(call.checkout, call.app) or place.remote_of(call.app)
    if is_new_to(call.checkout, target):
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
    here = call.place
    if call.key is None and isinstance(here, Here) and here.root is not None:
        target = remote_of(call.checkout, call.app)
        if target is not None and is_new_to(call.checkout, target):
            return push_option(call, target, "check")
    from receiver.deploy import retrying

    return retrying.check(call.server, call.app, call.by, show.transcript, call.entry)


def remote_of(checkout: Checkout, app: "AppName") -> str | None:
    """The git remote of this checkout that leads to the app."""
    found = [remote.name for remote in checkout.ship_remotes() if remote.app == app]
    return found[0] if found else None


def is_new_to(checkout: Checkout, target: str) -> bool:
    """Whether the checkout has a commit that is not what was pushed last."""
    head = checkout.head()
    return head is not None and head != checkout.remote_head(target)[1]


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
