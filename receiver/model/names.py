"""Names of apps, process types, config vars, releases and keys: parsed once at the edge;
refused, never repaired.
"""

from receiver.model.errors import UsageError
from receiver.model.patterns import regex

_APP = regex(r"[a-z][a-z0-9-]{0,25}[a-z0-9]|[a-z]")
_PROCESS = regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_HAVE_A_MEANING = frozenset({"web", "release"})
_CONFIG = regex(r"[A-Za-z_][A-Za-z0-9_]*")
_RELEASE = regex(r"v?([1-9][0-9]{0,8})")
_KEY = regex(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}")
RESERVED_APPS = frozenset({"ship", "www-data", "git", "ship-receiver"})
"""Names that would collide with ship's own accounts and addresses."""


class AppName(str):
    """A valid app name.

    It is also a host name label, an account `ship-NAME` and a folder, hence its rule.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> "AppName":
        if not _APP.fullmatch(text) or "--" in text:
            raise UsageError(
                f"{text!r} cannot be the name of an app.",
                detail="A name starts with a-z, goes on with a-z, 0-9 and single hyphens, does not "
                "end"
                " with a hyphen, and has at most 27 characters.",
                advice="Choose a name such as `blog` or `blog-staging`.",
                reason="usage/bad-app-name",
            )
        if text in RESERVED_APPS:
            raise UsageError(
                f"The name {text!r} is kept for ship itself.",
                advice="Choose another name for the app.",
                reason="usage/bad-app-name",
            )
        return cls(text)


def parse_process_type(text: str) -> str:
    """A process type as in a Procfile: `web`, `worker`, `release`."""
    if not _PROCESS.fullmatch(text):
        raise UsageError(
            f"{text!r} cannot be a process type.",
            detail="A process type is made of letters, digits, hyphens and underscores, starts "
            "with a letter or"
            " digit, and has at most 63 characters.",
            advice="Use names such as `web` and `worker`.",
            reason="usage/bad-process-type",
        )
    if text != text.lower() and text.lower() in _HAVE_A_MEANING:
        raise UsageError(
            f"{text!r} cannot be a process type.",
            detail="Capitals count: it would be another type than the one that ship knows.",
            advice=f"Write `{text.lower()}`, or choose another name, such as `worker`.",
            reason="usage/bad-process-type",
        )
    return text


def is_config_name(text: str) -> bool:
    """Whether a config var can have this name."""
    return _CONFIG.fullmatch(text) is not None


def parse_config_name(text: str) -> str:
    """The name of a config var."""
    if not is_config_name(text):
        raise UsageError(
            f"{text!r} cannot be the name of a config var.",
            detail="A name is made of letters, digits and underscores, and does not start with a "
            "digit.",
            advice="Use names such as `SECRET_KEY`.",
            reason="usage/bad-config-name",
        )
    return text


def parse_key_name(text: str) -> str:
    """The name of an ssh key or token: `laptop`, `ci@example.com`."""
    if not _KEY.fullmatch(text):
        raise UsageError(
            f"{text!r} cannot be the name of a key.",
            detail="A key's name is made of letters, digits and . _ @ + -, at most 63 characters.",
            advice="Use a name such as `laptop`.",
            reason="usage/bad-key-name",
        )
    return text


def parse_release_version(text: str) -> int:
    """The number of a release, written as `v3` or `3`."""
    found = _RELEASE.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{text!r} is not a release.",
            advice="Write it as `v3` or `3`; `ship releases` lists them.",
            reason="usage/bad-release",
        )
    return int(found[1])
