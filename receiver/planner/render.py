"""The one place where templates become text: a missing value is an error, and each target has
its quoting.
"""

from functools import cache
from typing import TYPE_CHECKING

from receiver.model.patterns import regex
from receiver.model.program import TEMPLATES

if TYPE_CHECKING:
    from jinja2 import Environment

_PLAIN_WORD = regex(r"[A-Za-z0-9_./:=@,+~-]+")
_CONTROL = regex(r"[\x00-\x1f\x7f]")


def render(template: str, **values: object) -> str:
    """The text of `templates/TEMPLATE`.

    Raises:
        jinja2.UndefinedError: the template names a value that was not given
        ValueError: a value cannot be written down in the target's language
    """
    return _environment().get_template(template).render(values)


def template_text(template: str) -> str:
    """The template itself; a digest of it tells whether a file was made by this version of it."""
    return (TEMPLATES / template).read_text(encoding="utf-8")


def quote_for_unit(value: object) -> str:
    """One word of a systemd unit file. There `%` starts a specifier and `$` a variable."""
    text = _without_control(str(value)).replace("%", "%%").replace("$", "$$")
    if _PLAIN_WORD.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def quote_for_nginx(value: object, then: str = "") -> str:
    """One word of an nginx file; `then` are variables that follow the value in the same word.

    There is no way to write a literal `$`, hence it is refused.
    """
    text = _without_control(str(value))
    if "$" in text:
        raise ValueError(f"A dollar sign cannot be written into an nginx file: {text!r}.")
    if _PLAIN_WORD.fullmatch(text):
        return text + then
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + then + '"'


def _without_control(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError(f"A control character cannot be written into this file: {text!r}.")
    return text


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - 40 ms

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - no HTML is made here; the filters below quote
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"unit": quote_for_unit, "nginx": quote_for_nginx}
    return environment
