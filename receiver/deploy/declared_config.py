"""Which config vars an app.json brings along at an app's first deploy, and which have to be set
by hand. Pure.
"""

from collections.abc import Callable, Mapping

from receiver.model.app_json import Variable
from receiver.model.errors import BuildError


def initial_config(
    variables: Mapping[str, Variable], config: Mapping[str, str], secret: Callable[[], str]
) -> dict[str, str]:
    """Values for the variables that are not set yet and have one; `secret` makes one up."""
    return {
        name: wanted.value or secret()
        for name, wanted in variables.items()
        if name not in config and (wanted.value or wanted.generator)
    }


def unset_values(variables: Mapping[str, Variable], config: Mapping[str, str]) -> tuple[str, ...]:
    """Variables that would have been given a value at the first deploy, are required, and are
    not set.
    """
    return tuple(
        name
        for name, wanted in variables.items()
        if wanted.required and name not in config and (wanted.value or wanted.generator)
    )


def refuse_unset(variables: Mapping[str, Variable], config: Mapping[str, str]) -> None:
    """Refuse a push whose app says that it cannot do without a config var that is not there.

    Raises:
        BuildError: naming all that are missing, with the line to type
    """
    missing = {
        name: wanted
        for name, wanted in variables.items()
        if wanted.required and name not in config and not (wanted.value or wanted.generator)
    }
    if not missing:
        return
    one = len(missing) == 1
    pairs = " ".join(f"{name}=..." for name in missing)
    raise BuildError(
        f"The app needs {'a config var that is' if one else 'config vars that are'} not set:"
        f" {', '.join(missing)}.",
        detail="\n".join(_described(name, wanted) for name, wanted in missing.items()),
        advice=f"Set {'it' if one else 'them'}, then push again: `ship config:set {pairs}`. If the "
        "app can do"
        ' without, write `"required": false` in app.json.',
        reason="build/config-var-required",
    )


def _described(name: str, wanted: Variable) -> str:
    first_line = next(iter(wanted.description.splitlines()), "")
    return f"app.json requires {name}{f': {first_line}' if first_line else '.'}"
