"""`ship apps:set`: settings of an app that its code does not decide."""

import click

from receiver.cli import show
from receiver.cli.command import Call, command, for_app
from receiver.model.errors import UsageError


@command(
    "apps:set",
    example="$ ship apps:set root=backend -a blog\n"
    "The next push of blog is built from its folder backend.",
)
@for_app
@click.argument("words", nargs=-1, metavar="root=FOLDER")
def set_(call: Call, words: tuple[str, ...]) -> None:
    """Set the folder of the repository that an app is in, above what its ship.toml says.

    `root=.` is the top folder, and `root=` takes the setting back.
    """
    from msgspec.structs import replace

    from receiver.changes.change import configure

    root = _root(words)
    title = f"change of the root by {call.by}"
    configure(call.server, call.app, lambda settings: replace(settings, root=root), title)
    if not root:
        show.progress(f"The next push of {call.app} is built from where its own files say.")
        return
    where = "the top folder" if root == "." else f"its folder {root}"
    show.progress(f"The next push of {call.app} is built from {where}.")


def _root(words: tuple[str, ...]) -> str:
    """The folder that is given.

    Raises:
        UsageError: something else is set, or it is no folder of a repository
    """
    import posixpath

    import msgspec

    from receiver.model.settings import Folder

    name, equals, value = words[0].partition("=") if len(words) == 1 else ("", "", "")
    if name != "root" or not equals:
        raise UsageError(
            f"Cannot set {' '.join(words)!r}." if words else "Nothing to set.",
            detail="`root` is what can be set.",
            advice="Type for example `ship apps:set root=backend`.",
            reason="usage/bad-setting",
        )
    try:
        return posixpath.normpath(msgspec.convert(value, Folder)) if value else ""
    except msgspec.ValidationError as error:
        raise UsageError(
            f"{value!r} is not a folder of a repository.",
            advice="Give its path from the top of the repository, such as `root=backend`.",
            reason="usage/bad-setting",
        ) from error
