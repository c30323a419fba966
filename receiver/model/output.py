"""What a person who pushes reads: the one place that gives it its shape.

A step is `-----> Installing`, what belongs to it is indented by seven blanks, warnings and errors
stand behind ` !`. Values of config vars never pass, but for those that are public anyway.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from receiver.model.errors import ShipError
from receiver.model.patterns import regex
from receiver.model.terminal import harmless, last_of_rewrites

if TYPE_CHECKING:
    from receiver.model.log_line import Source

_MASK = "[hidden]"
_MOST_FED_BYTES = 16 * 1024 * 1024
"""What programs may say in one transcript: it is kept on disk, and others need that too."""
_REMARK_COLUMNS = 61
_SHORTEST_SECRET = 8
_TELLING_NAMES = ("KEY", "SECRET", "TOKEN", "PASS", "PWD", "CREDENTIAL")
_SHORTEST_TELLING_SECRET = 4
_PUBLIC_NAMES = frozenset(
    {
        "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DJANGO_ALLOWED_HOSTS", "DJANGO_SETTINGS_MODULE",
        "FLASK_APP", "LANG", "LC_ALL", "PYTHONPATH", "TZ",
    }
)  # fmt: skip
_ADDRESS = regex(r"(?:https?://)?\.?([a-z0-9.-]+)(?::\d+)?/?")


def secrets_of(config: Mapping[str, str], host: str = "") -> tuple[str, ...]:
    """The values that must not be shown, longest first: short ones only where the name tells.

    A value such as `true` is no secret, and hiding it would blacken every log; nor is the app's own
    address, which everybody who pushes is told. `host` is its host name.
    """
    found: set[str] = set()
    for name, value in config.items():
        if name in _PUBLIC_NAMES or _leads_to(host, value):
            continue
        telling = tells_secret(name)
        for part in (value, *value.splitlines()):
            if len(part) >= (_SHORTEST_TELLING_SECRET if telling else _SHORTEST_SECRET):
                found |= {part, repr(part)[1:-1], _as_decoded(part)}
    return tuple(sorted(found, key=len, reverse=True))


def tells_secret(name: str) -> bool:
    """Whether the name of a config var alone says that its value is secret."""
    return any(word in name.upper() for word in _TELLING_NAMES)


def _as_decoded(value: str) -> str:
    """A value as it stands in the output of a program, where bytes that are no text became
    question marks.
    """
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _leads_to(host: str, value: str) -> bool:
    """Whether a value is the address of `host`, or of a domain around it."""
    match = _ADDRESS.fullmatch(value)
    return match is not None and f".{host}".endswith(f".{match[1]}")


def mask(text: str, secrets: Iterable[str]) -> str:
    """`text` without the secrets in it."""
    for secret in secrets:
        text = text.replace(secret, _MASK)
    return text


BelongsTo: TypeAlias = "Callable[[Source | None, int | None], object]"


def _nobody_asks(_source: "Source | None", _version: int | None) -> None:
    """Where the times of lines are not kept."""


class Output:
    """Writes a transcript, line by line, into `sink`."""

    def __init__(
        self,
        sink: Callable[[bytes], object],
        secrets: tuple[str, ...] = (),
        belongs_to: BelongsTo = _nobody_asks,
    ) -> None:
        self._sink = sink
        self._belongs_to = belongs_to
        self._secrets = secrets
        self._partial = b""
        self._fed_bytes = 0

    def belongs_to(self, source: "Source | None" = None, version: int | None = None) -> None:
        """Say to which part of the work, and to which release, lines belong from now on."""
        self._belongs_to(source, version)

    def hide(self, secrets: tuple[str, ...]) -> None:
        """Hide these values from now on, besides the ones hidden already."""
        self._secrets = tuple(sorted({*self._secrets, *secrets}, key=len, reverse=True))

    def masked(self, text: str) -> str:
        """`text` without what must not be shown."""
        return mask(text, self._secrets)

    def step(self, title: str) -> None:
        """A new part of the work."""
        self._line(f"-----> {title}")

    def say(self, text: str) -> None:
        """Something that belongs to the step before it."""
        for line in text.splitlines() or [""]:
            self._line(f"       {line}".rstrip())

    def warn(self, text: str) -> None:
        """Something to read, although the work goes on."""
        for line in text.splitlines():
            self._line(f" !     {line}".rstrip())

    def remarks(self, texts: Sequence[str]) -> None:
        """Things worth a look, as a numbered list at the end; lines to type keep their form."""
        if not texts:
            return
        import textwrap  # noqa: PLC0415 - few deploys end with remarks

        self._line("")
        self.warn(f"{len(texts)} thing{'s' * (len(texts) > 1)} to look at:")
        for number, text in enumerate(texts, start=1):
            sentence, *lines = text.splitlines()
            wrapped = textwrap.wrap(sentence, _REMARK_COLUMNS, break_long_words=False)
            self.warn(f"{number}. " + "\n   ".join(wrapped))
            self.warn("\n".join(f"   {line}" for line in lines))
        self._line("")

    def error(self, error: ShipError) -> None:
        """Why the work ends here: what happened, what was seen, what to do."""
        self._line("")
        self.warn(error.title)
        if error.detail:
            self._line(" !")
            self.warn(error.detail)
        if error.advice:
            self._line(" !")
            self.warn(error.advice)
        self._line(" !")
        self.warn(f"({error.reason})")
        self._line("")

    def feed(self, chunk: bytes, *, noise: str = "") -> None:
        """Output of a program, in whatever pieces it comes; lines that `noise` matches whole are
        left out.
        """
        if self._fed_bytes > _MOST_FED_BYTES:
            return
        self._fed_bytes += len(chunk)
        if self._fed_bytes > _MOST_FED_BYTES:
            self._partial = b""
            self.warn(
                "There is more than 16 MiB of output. What programs say from here on is left out."
            )
            return
        *lines, self._partial = (self._partial + chunk).split(b"\n")
        for line in (last_of_rewrites(each).decode("utf-8", "replace") for each in lines):
            if not (noise and re.fullmatch(noise, line)):
                self.say(line)

    def flush(self, *, noise: str = "") -> None:
        """Show a last line that had no end."""
        if self._partial:
            self.feed(b"\n", noise=noise)

    def _line(self, text: str) -> None:
        shown = harmless(self.masked(text))
        self._sink(shown.encode("utf-8", "surrogateescape") + b"\n")


class Warnings(Output):
    """Has another output show the warnings, and nothing else."""

    def __init__(self, out: Output) -> None:
        super().__init__(len)
        self.warn = out.warn  # type: ignore[method-assign] # the other's, which knows its secrets
