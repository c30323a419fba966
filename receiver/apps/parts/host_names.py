"""Host names of an app in its config vars: a clone has its own in place of the original's. Pure."""

import re
from collections.abc import Mapping

from receiver.model.output import tells_secret
from receiver.model.patterns import regex

_SERVICES = frozenset(
    {
        "AMQP",
        "AWS",
        "BROKER",
        "BUCKET",
        "CACHE",
        "CELERY",
        "DATABASE",
        "DB",
        "DSN",
        "EMAIL",
        "MAIL",
        "MONGO",
        "MONGODB",
        "MYSQL",
        "POSTGRES",
        "POSTGRESQL",
        "QUEUE",
        "RABBITMQ",
        "REDIS",
        "S3",
        "SMTP",
        "SQL",
        "STORAGE",
    }
)
"""Words in names of config vars that lead to a service, which both apps use."""
_OTHER_SCHEME = regex(r"(?<![a-z0-9+.-])(?!https?://)[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_WITH_PASSWORD = regex(r"://[^/\s]*@|(?:key|pass|password|pwd|secret|token)\s*[=:]", re.IGNORECASE)
_NO_LIST = regex(r"[\n{]")


def with_own_host(config: Mapping[str, str], old: str, new: str) -> dict[str, str]:
    """The config vars that change when the host name `new` stands wherever `old` stands as a
    whole word.

    Those that lead to a service, or may be secret, stay as they are.
    """
    word = re.compile(
        rf"(?:(?<![\w@%/.-])|(?<=//))(\.?){re.escape(old)}(?![\w@-]|\.\w)", re.IGNORECASE
    )
    changed = {
        name: word.sub(lambda found: found[1] + new, value)
        for name, value in config.items()
        if not _stays(name, value)
    }
    return {name: value for name, value in changed.items() if value != config[name]}


def names_host(value: str, host: str) -> bool:
    """Whether a value names a host, or one below it."""
    return re.search(rf"(?<![\w-]){re.escape(host)}(?![\w-])", value, re.IGNORECASE) is not None


def _stays(name: str, value: str) -> bool:
    words = name.upper().split("_")
    return (
        tells_secret(name)
        or not _SERVICES.isdisjoint(words)
        or words[0].startswith("PG")
        or any(each.search(value) for each in (_OTHER_SCHEME, _WITH_PASSWORD, _NO_LIST))
    )
