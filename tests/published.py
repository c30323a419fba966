"""Apps in the shapes in which people publish theirs, and what a visitor finds there.

Each lies in tests/apps.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.visitor import Visitor

APPS = Path(__file__).parent / "apps"
FIRST, SECOND = "first edition", "second edition"
"""Words that stand once in each app, and what a change of its code makes of them."""
UPLOAD_MIB = 32


@dataclass(frozen=True)
class Page:
    """A page, and what shows that it is the right one."""

    path: str
    holds: str
    type: str = "text/html"
    status: int = 200


@dataclass(frozen=True)
class Form:
    """A form, and what its answer holds."""

    path: str
    fields: dict[str, str]
    holds: str
    is_kept: bool = False
    """Whether it can still be read after the next deploy."""


@dataclass(frozen=True)
class Kind:
    """One app."""

    name: str
    pages: tuple[Page, ...]
    form: Form | None = None
    upload: str = ""
    """Path that takes a file and answers with its size and digest."""
    echo: str = ""
    """Path of a websocket that says a text again."""
    config: Mapping[str, str] = field(default_factory=dict)
    """Config vars that the app cannot do without; `{host}` stands for its host name."""
    home: str = "/"
    """Page that shows the edition."""

    @property
    def folder(self) -> Path:
        return APPS / self.name

    def copy_to(self, folder: Path) -> None:
        """Put the app's files into a checkout."""
        caches = shutil.ignore_patterns("__pycache__")
        shutil.copytree(self.folder, folder, dirs_exist_ok=True, ignore=caches)

    def is_visited(self, visitor: Visitor, edition: str) -> None:
        """Every page is as it has to be."""
        home = visitor.ask(self.home)
        assert (home.status, edition in home.text) == (200, True), home
        for page in self.pages:
            found = visitor.ask(page.path)
            assert (found.status, found.type) == (page.status, page.type), (page, found)
            assert page.holds in found.text, (page, found)

    def is_used(self, visitor: Visitor) -> None:
        """What it takes from a visitor, it takes."""
        if self.form:
            answer = visitor.fill_in(self.form.path, self.form.fields)
            assert answer.status in {200, 201}, answer
            assert self.form.holds in answer.text, answer
        if self.upload:
            visitor.upload(self.upload, UPLOAD_MIB)
        if self.echo:
            assert visitor.say(self.echo, "ahoy") == "you said ahoy"


_MADE = {".git", ".ship", "__pycache__"}


def next_edition(folder: Path) -> Path:
    """Change the code in the one place that says which edition it is; returns the file."""
    files = [p for p in folder.rglob("*") if p.is_file() and not _MADE & set(p.parts)]
    [place] = [path for path in files if FIRST.encode() in path.read_bytes()]
    place.write_text(place.read_text().replace(FIRST, SECOND))
    return place


_JSON, _CSS = "application/json", "text/css"
FLASK = Kind(
    "flask-factory",
    (
        Page("/static/style.css", "max-width", _CSS),
        Page("/api/entries", "[", _JSON),
        Page("/nowhere", "There is no such page", status=404),
    ),
    Form("/", {"name": "Grace", "text": "Fine weather"}, "Thank you, Grace.", is_kept=True),
    upload="/api/upload",
)
DJANGO = Kind(
    "django-site",
    (
        Page("/", "/static/wishes/style."),
        Page("/static/wishes/style.css", "max-width", _CSS),
        Page("/admin/", "Django administration"),
        Page("/static/admin/css/base.css", "body", _CSS),
        Page("/wishes/999/", "There is no such page", status=404),
    ),
    Form("/", {"text": "A following wind"}, "A following wind", is_kept=True),
    config={"ALLOWED_HOSTS": "{host}"},
)
FASTAPI = Kind(
    "fastapi-routers",
    (
        Page("/items/", '"rope"', _JSON),
        Page("/items/anchor", "There is no anchor in stock.", _JSON, 404),
        Page("/health", '{"ready":true}', _JSON),
        Page("/docs", "swagger"),
        Page("/openapi.json", '"/items/{name}"', _JSON),
    ),
    Form("/items/price", {"name": "rope", "amount": "4"}, "50.0"),
    upload="/upload",
    echo="/echo",
)
AIOHTTP = Kind(
    "aiohttp-module",
    (
        Page("/static/board.css", "sans-serif", _CSS),
        Page("/nowhere", "404: Not Found", "text/plain", 404),
    ),
    Form("/notices", {"text": "Lost: one oar"}, "Lost: one oar"),
    upload="/upload",
    echo="/echo",
)
QUART = Kind(
    "quart-hypercorn",
    (
        Page("/static/app.css", "sans-serif", _CSS),
        Page("/nowhere", "There is no such page", status=404),
    ),
    Form("/", {"message": "Land ahoy"}, "Land ahoy"),
    upload="/upload",
    echo="/echo",
)
SERVER = Kind(
    "plain-server",
    (
        Page("/time", '"now"', _JSON),
        Page("/clock.css", "sans-serif", _CSS),
        Page("/nowhere", "404", status=404),
    ),
    Form("/greet", {"name": "Joan"}, "Hello, Joan."),
    upload="/upload",
)
STATIC = Kind(
    "static-pages",
    (
        Page("/about/", "sea and land"),
        Page("/about", "sea and land"),
        Page("/style.css", "#10202e", _CSS),
        Page("/img/light.svg", "<svg", "image/svg+xml"),
        Page("/robots.txt", "User-agent", "text/plain"),
        Page("/.well-known/security.txt", "keeper@", "text/plain"),
        Page("/nowhere", "Off course", status=404),
        Page("/.gitignore", "Off course", status=404),
    ),
)
BUILT = Kind(
    "static-built",
    (
        Page("/assets/index-4f1c2a.js", "querySelector", "text/javascript"),
        Page("/package.json", "404", status=404),
    ),
)
PIP = Kind(
    "pip-hashes",
    (
        Page("/static/labels.json", '"Yes"', _JSON),
        Page("/nowhere", "Not Found", status=404),
    ),
    Form("/", {"vote": "yes"}, '"yes":1'),
)
UV = Kind(
    "uv-package",
    (
        Page("/quays/north", "08:10", _JSON),
        Page("/quays/west", "Unknown quay", _JSON, 404),
        Page("/timetable.css", "collapse", _CSS),
    ),
    Form("/quays/south", {"time": "21:15"}, "21:15"),
)
POETRY = Kind(
    "poetry-src",
    (
        Page("/ports/brest", "06:40", _JSON),
        Page("/ports/oslo", "No tide is known for oslo.", _JSON, 404),
        Page("/static/tides.css", "sans-serif", _CSS),
    ),
)
PIPENV = Kind(
    "pipenv-bottle",
    (
        Page("/static/list.css", "square", _CSS),
        Page("/nowhere", "There is no such page.", status=404),
    ),
    Form("/", {"thing": "salt"}, "salt", is_kept=True),
)
KINDS = (
    FLASK, DJANGO, FASTAPI, AIOHTTP, QUART, SERVER, STATIC, BUILT, PIP, UV, POETRY, PIPENV,
)  # fmt: skip


@dataclass(frozen=True)
class OtherServer:
    """One of the apps with a server of its author's choice in front."""

    kind: Kind
    command: str
    requirements: str

    @property
    def files(self) -> dict[str, str]:
        return {"Procfile": f"web: {self.command}\n", "requirements.txt": self.requirements}


OTHER_SERVERS = (
    OtherServer(
        FASTAPI,
        "uvicorn app.main:app --host 0.0.0.0 --port $PORT",
        "fastapi\npython-multipart\nuvicorn[standard]\n",
    ),
    OtherServer(
        AIOHTTP,
        "gunicorn board.app:make_app --worker-class aiohttp.GunicornWebWorker",
        "aiohttp\n",
    ),
    OtherServer(
        FLASK,
        "waitress-serve --port=$PORT --call guestbook:create_app",
        "flask\nwaitress\n",
    ),
)
