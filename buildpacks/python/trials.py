"""What a framework can say of a tree before it is released: commands of its own, and what their
failure means.
"""

import posixpath
from collections.abc import Mapping

import msgspec

from buildpacks.python.django import manage_files
from receiver.model.build import Tree
from receiver.model.errors import CheckError

_DATABASE = "DATABASE_URL"
_CRASHED = "Traceback (most recent call last)"


class Trial(msgspec.Struct, frozen=True):
    """One command, run in the built tree with the app's config vars."""

    title: str
    folder: str
    """Where it is run, below the top folder."""
    argv: tuple[str, ...]
    finding: CheckError | None
    """What its failure means; None where it only may be told."""

    def failure(self, said: str) -> CheckError | None:
        """What to make of its failure, after what it said."""
        if self.finding is None or _CRASHED not in said:
            return self.finding
        return CheckError(
            f"`{' '.join(self.argv)}` could not be run to its end.",
            detail="Its traceback stands above.",
            advice="Correct what it names, or set the config var that it lacks; then check again.",
            reason="check/framework-command",
        )


def trials(tree: Tree, config: Mapping[str, str]) -> tuple[Trial, ...]:
    """The commands for this tree; none where no framework has any."""
    found = manage_files(tree)
    if not found:
        return ()
    folder = posixpath.dirname(found[0])
    manage = ("python", "manage.py")
    return (
        Trial(
            "Asking Django: check --deploy", folder, (*manage, "check", "--deploy"), _found_errors()
        ),
        Trial(
            "Asking Django: makemigrations --check",
            folder,
            (*manage, "makemigrations", "--check", "--dry-run"),
            _lacks_migrations(),
        ),
        *_database_trials(folder, manage, config),
    )


def _database_trials(
    folder: str, manage: tuple[str, ...], config: Mapping[str, str]
) -> tuple[Trial, ...]:
    """Only where a database is named: the one of a fresh checkout is empty, and says nothing."""
    if _DATABASE not in config:
        return ()
    plan = (*manage, "showmigrations", "--plan")
    return (Trial("Asking the database: showmigrations --plan", folder, plan, None),)


def _found_errors() -> CheckError:
    return CheckError(
        "Django's own check found an error.",
        detail="Its words stand above.",
        advice="Correct it, and check again: `python manage.py check --deploy` says the same on "
        "your computer.",
        reason="check/framework-errors",
    )


def _lacks_migrations() -> CheckError:
    return CheckError(
        "Models were changed, and the migrations for it are not in this commit.",
        detail="What Django would write stands above.",
        advice="Type `python manage.py makemigrations`, commit the files that it writes, and check "
        "again.",
        reason="check/migrations-missing",
    )
