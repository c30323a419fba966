"""The web entry of an app: what gunicorn is to serve, and the evidence for it."""

import msgspec

from buildpacks.python.frameworks import Interface


class Entry(msgspec.Struct, frozen=True):
    """An application that was found in the source."""

    target: str
    """`app:app`, `blog:create_app()`."""
    interface: Interface
    because: str
    """What was seen, as the end of a sentence: "app.py has `app = Flask(...)`"."""
    path: str
    """The file that makes it."""
    folder: str = ""
    """The folder that its module is imported from, when it is not the top one."""
    constructor: str = ""
    """What made it, such as `dash.Dash`; empty where that is not known."""
