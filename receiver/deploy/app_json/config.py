"""Which config vars an app.json brings along at a first deploy, and which must be set by hand."""

from collections.abc import Callable, Mapping

from receiver.model.app_json import Variable
from receiver.model.config_vars import Difference
from receiver.model.errors import BuildError
from receiver.model.output import Output

_SECRET_BYTES = 32


def new_secret() -> str:
    """A value for a config var that app.json wants to be a secret."""
    import secrets  # noqa: PLC0415 - only the first push of few apps needs it

    return secrets.token_hex(_SECRET_BYTES)


def settled_config(
    variables: Mapping[str, Variable],
    stored: Mapping[str, str],
    runs: Mapping[str, str] | None,
    out: Output,
) -> dict[str, str]:
    """The config vars of the release to be; at the first deploy, with those that app.json brings
    along.

    Args:
        variables: `env` of app.json
        stored: the app's config vars
        runs: those that the live release runs with; None before the first deploy
        out: is told of what comes along, and of what is missing

    Raises:
        BuildError: a required one has no value
    """
    refuse_unset(variables, stored)
    if runs is None:
        return {**stored, **_first_values(variables, stored, out)}
    if pending := Difference.between(runs, stored):
        out.say(f"Pending config vars come along: {pending}.")
    for name in unset_values(variables, stored):
        out.say(
            f"{name} is not set; app.json's values are for the first deploy."
            f" `ship config:set {name}=...` sets it."
        )
    return dict(stored)


def _first_values(
    variables: Mapping[str, Variable], stored: Mapping[str, str], out: Output
) -> dict[str, str]:
    new = initial_config(variables, stored, new_secret)
    if new:
        out.step("Setting the config vars of app.json")
    for name in new:
        made = "the value given there" if variables[name].value else "a new secret"
        out.say(f"{name}: {made}")
    return new


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
    """Variables that would have been given a value at the first deploy, are required, and are not
    set.
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
        advice=f"Set {'it' if one else 'them'}, then push again: `ship config:set {pairs}`."
        ' If the app can do without, write `"required": false` in app.json.',
        reason="build/config-var-required",
    )


def _described(name: str, wanted: Variable) -> str:
    first_line = next(iter(wanted.description.splitlines()), "")
    return f"app.json requires {name}{f': {first_line}' if first_line else '.'}"
