"""A virtualenv without packages, so that `python` is there for every app with processes."""

from receiver.model.build import BuildFacts, Virtualenv


def bare_virtualenv(facts: BuildFacts) -> Virtualenv | None:
    """That of the newest Python here; None where there is none."""
    from buildpacks.python.install import (  # noqa: PLC0415 - a Python app's build needs this room the other way round
        Packages,
        plan_virtualenv,
    )

    if not facts.interpreters:
        return None
    return plan_virtualenv(Packages("none"), (), facts.interpreters[0], facts)
