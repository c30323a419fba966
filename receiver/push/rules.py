"""Which refs a push may move, by git's own rules and the repository's settings; the branch rule
is hooks/pre-receive's.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dulwich.refs import Ref, check_ref_format

from receiver.machine import git
from receiver.machine.git import ABSENT
from receiver.push.wire import Update

_NO = frozenset({"false", "no", "off", "0"})
_TOLERANT = _NO | {"ignore", "warn"}


class Rules(NamedTuple):
    """What the settings of a repository say about receiving."""

    hidden: tuple[str, ...] = ()
    deny_deletes: bool = False
    deny_delete_current: bool = True
    deny_non_fast_forwards: bool = False

    @classmethod
    def parse(cls, settings: Mapping[str, Sequence[str]]) -> "Rules":
        """Read settings as `git.settings` returns them."""
        hidden = [*settings.get("transfer.hiderefs", ()), *settings.get("receive.hiderefs", ())]
        return cls(
            hidden=tuple(hidden),
            deny_deletes=_last(settings, "receive.denydeletes", "no") not in _NO,
            deny_delete_current=_last(settings, "receive.denydeletecurrent", "yes")
            not in _TOLERANT,
            deny_non_fast_forwards=_last(settings, "receive.denynonfastforwards", "no") not in _NO,
        )

    def hides(self, ref: str) -> bool:
        """Whether a ref is neither shown nor moved; of the rules that fit, the last one counts."""
        for rule in reversed(self.hidden):
            name = rule.removeprefix("!").removeprefix("^").rstrip("/")
            if ref == name or ref.startswith(name + "/"):
                return not rule.startswith("!")
        return False

    def refusal(self, repo: Path, update: Update) -> str:
        """Say in git's words why this ref may not move so, or nothing."""
        if not _is_proper(update):
            return "funny refname"
        is_branch = update.ref.startswith(git.BRANCHES)
        if update.deletes:
            if is_branch and self.deny_deletes:
                return "deletion prohibited"
            if self.deny_delete_current and update.ref == git.BRANCHES + git.head_branch(repo):
                return "deletion of the current branch prohibited"
        elif is_branch and update.old != ABSENT and self.deny_non_fast_forwards:
            return "" if git.is_ancestor(repo, update.old, update.new) else "non-fast-forward"
        return ""


def hidden_refusal(update: Update) -> str:
    """Name the verdict on a hidden ref as git does."""
    return f"deny {'deleting' if update.deletes else 'updating'} a hidden ref"


def _is_proper(update: Update) -> bool:
    """As git: below refs/ and two levels deep, unlike refs/stash; but what is there may be
    deleted.
    """
    raw = update.ref.encode("utf-8", "surrogateescape")
    checked = raw if update.deletes else raw.removeprefix(b"refs/")
    return raw.startswith(b"refs/") and check_ref_format(Ref(checked))


def _last(settings: Mapping[str, Sequence[str]], key: str, default: str) -> str:
    values = settings.get(key)
    return values[-1].lower() if values else default
