"""What a person does with an app, from the first push to its end: real git over HTTP, real
gunicorn, real nginx."""

import base64
import hashlib
import io
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from receiver.apps import lifecycle as apps
from receiver.model.errors import NotFoundError
from receiver.model.names import AppName
from receiver.processes import control
from receiver.server import open_server
from receiver.setup import embedded
from receiver.state import records
from tests.checkout import Checkout, Pushed
from tests.embedded.embedded_server import GIT_ENVIRONMENT, EmbeddedServer, Load, embedded_server
from tests.embedded.pushing import SERVE, wsgi

pytestmark = pytest.mark.embedded

ASGI = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    headers = [(b"content-length", b"{length}")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{text}"})
"""
KEEPS = """
import os
from pathlib import Path

def app(environ, start_response):
    kept = []
    for place in (Path("data.db"), Path(os.environ["SHIP_STORAGE"], "data.db")):
        if environ["PATH_INFO"] == "/write":
            place.write_text("written")
        kept.append("there" if place.exists() else "gone")
    body = " ".join(kept).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


def serve(text: str) -> dict[str, str]:
    """An app that needs neither a virtualenv nor gunicorn, because no file of it is Python's by
    its name."""
    return {"Procfile": "web: python3 serve\n", "serve": SERVE.replace("{text}", text)}


@dataclass(frozen=True)
class Site:
    """An app and the laptop it is pushed from."""

    server: EmbeddedServer
    app: AppName
    laptop: Checkout

    def push(self, files: Mapping[str, str | bytes | None], *argv: str) -> Pushed:
        """Push these files and no others."""
        self.laptop.git("rm", "-r", "-q", "-f", "--ignore-unmatch", ".")
        self.laptop.commit(files)
        return self.laptop.push(*argv)

    def deploy(self, files: Mapping[str, str | bytes | None]) -> str:
        pushed = self.push(files)
        assert pushed.status == 0, pushed.text
        return "\n".join(pushed.lines)

    def ask(self, path: str = "/") -> tuple[int, str]:
        return self.server.ask(self.app, path)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as found:
        yield found


@pytest.fixture(scope="module")
def blog(server: EmbeddedServer) -> Site:
    return make(server, "blog")


def make(server: EmbeddedServer, name: str) -> Site:
    return Site(server, server.create(name), server.checkout(name))


def test_push_change_configure_and_roll_back_without_a_lost_request(blog: Site) -> None:
    server, app = blog.server, blog.app
    mine = {"requirements.txt": "# a virtualenv of this story's\n"}
    said = blog.deploy(wsgi("one") | mine)
    first = server.live(app)
    assert "Installing" in said
    assert f"v{first} is live" in said
    assert f"http://{app}.ship.test:{server.port}" in said
    assert blog.ask() == (200, "one")

    with Load(server, app) as load:
        said = blog.deploy(wsgi("two") | mine)
        assert "Dependencies unchanged, virtualenv reused" in said
        assert "are replaced one by one" in said
        assert blog.ask() == (200, "two")

        said = blog.deploy(wsgi("three") | {"requirements.txt": "# another virtualenv\n"})
        assert "Installing" in said
        assert "takes over from slot" in said
        assert blog.ask() == (200, "three")

        said = server.configure(app, GREETING="hello")
        assert "Installing" not in said
        assert blog.ask() == (200, "three hello")

        said = server.rollback(app, first)
        assert "Installing" not in said
        assert f"to v{first}" in said
        assert "Config vars that change: GREETING." in said
        assert blog.ask() == (200, "one")
    assert load.lost == {}
    assert server.leftovers(app) == []
    assert records.read_config(server.paths(app).config) == {}


def test_the_release_phase_runs_before_anybody_sees_the_new_code(blog: Site) -> None:
    blog.deploy(wsgi("before"))
    script = (
        'echo migrating && python3 -c "import urllib.request as u; '
        f"print(u.urlopen(u.Request('http://127.0.0.1:{blog.server.port}/', "
        f"headers={{'Host': 'blog.ship.test'}})).read())\""
    )
    said = blog.deploy(wsgi("after") | {"Procfile": f"web: gunicorn app:app\nrelease: {script}\n"})
    phase = said[said.index("Running the release phase") : said.index("Swapping to")]
    assert "migrating" in phase
    assert "b'before'" in phase
    assert blog.ask() == (200, "after")


def test_an_asgi_app_is_asked_by_a_canary_first(blog: Site) -> None:
    procfile = {"Procfile": "web: gunicorn -k asgi app:app\n", "requirements.txt": ""}
    code = ASGI.replace("{text}", "async").replace("{length}", "5")
    said = blog.deploy({"app.py": code, **procfile})
    assert "Checking v" in said
    assert "GET / answered 200" in said
    assert blog.ask() == (200, "async")


def test_a_static_folder_is_served_by_nginx_and_changes_with_the_release(blog: Site) -> None:
    files = {**wsgi("page"), "ship.toml": "[static]\n'/static/' = 'assets'\n"}
    blog.deploy({**files, "assets/a.css": "one", "assets/.secret": "no"})
    assert blog.ask("/static/a.css") == (200, "one")
    assert blog.ask("/static/.secret")[0] == 404
    assert blog.ask("/static/../app.py")[0] in {400, 404, 200}
    assert "def app" not in blog.ask("/static/../app.py")[1]
    blog.deploy({**files, "assets/a.css": "two"})
    assert blog.ask("/static/a.css") == (200, "two")
    assert blog.ask() == (200, "page")


def test_what_is_written_beside_the_code_is_lost_and_storage_stays(blog: Site) -> None:
    blog.deploy({"app.py": KEEPS, "requirements.txt": ""})
    blog.ask("/write")
    assert blog.ask() == (200, "there there")
    blog.deploy({"app.py": KEEPS + "# changed\n", "requirements.txt": ""})
    assert blog.ask() == (200, "gone there")


def test_a_static_site(server: EmbeddedServer) -> None:
    site = make(server, "pages")
    site.deploy({"index.html": "<p>one</p>", "deep/page.html": "deep"})
    assert site.ask() == (200, "<p>one</p>")
    assert site.ask("/deep/page.html") == (200, "deep")
    assert site.ask("/no-such-page")[0] == 404
    site.deploy({"index.html": "<p>two</p>"})
    assert site.ask() == (200, "<p>two</p>")
    assert site.ask("/deep/page.html")[0] == 404
    server.rollback(site.app)
    assert site.ask("/deep/page.html") == (200, "deep")


def test_a_command_that_binds_the_port_by_itself_is_handed_over(server: EmbeddedServer) -> None:
    site = make(server, "own")
    site.deploy(serve("one"))
    assert site.ask() == (200, "one")
    with Load(server, site.app) as load:
        said = site.deploy(serve("two"))
        assert site.ask() == (200, "two")
        server.configure(site.app, GREETING="hello")
        assert site.ask() == (200, "two hello")
    assert "takes over from slot" in said
    assert load.lost == {}


def test_old_releases_go_and_the_live_one_stays(server: EmbeddedServer) -> None:
    site = make(server, "kept")
    path = server.layout.server_settings
    before = records.read_server(server.layout)
    records.write_toml(path, msgspec.structs.replace(before, keep_releases=2))
    try:
        for text in ("one", "two", "three", "four"):
            site.deploy({"index.html": text})
    finally:
        records.write_toml(path, before)
    assert records.release_versions(server.paths(site.app)) == [3, 4]
    assert site.ask() == (200, "four")
    with pytest.raises(NotFoundError) as caught:
        server.rollback(site.app, 1)
    assert "Kept releases: v3, v4." in caught.value.detail
    assert server.leftovers(site.app) == []


def test_the_same_commit_with_force_over_http_says_that_nothing_is_new(
    server: EmbeddedServer,
) -> None:
    """git sends no request at all then (docs/decisions/0003): `ship releases:retry` is the way."""
    site = make(server, "forced")
    site.deploy({"index.html": "one"})
    pushed = site.laptop.push("-o", "force", "main")
    assert pushed.status == 0
    assert "Everything up-to-date" in pushed.text
    assert server.live(site.app) == 1
    # with something new it is an ordinary push
    site.laptop.commit({"index.html": "two"})
    assert site.laptop.push("-o", "force", "main").status == 0
    assert site.ask() == (200, "two")


def test_what_was_pushed_can_be_cloned_and_fetched(server: EmbeddedServer) -> None:
    site = make(server, "cloned")
    site.deploy({"index.html": "one"})
    other = server.folder / "clone"
    done = subprocess.run(
        ("git", "clone", "-q", server.url(site.app), str(other)),
        env=GIT_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert (other / "index.html").read_text() == "one"
    site.deploy({"index.html": "two"})
    pulled = subprocess.run(
        ("git", "pull", "-q"), cwd=other, env=GIT_ENVIRONMENT, capture_output=True, check=False
    )
    assert pulled.returncode == 0
    assert (other / "index.html").read_text() == "two"


def test_only_who_may_and_only_the_deploy_branch(server: EmbeddedServer) -> None:
    site = make(server, "strict")
    site.deploy({"index.html": "one"})
    laptop = site.laptop
    laptop.commit({"index.html": "two"})
    laptop.git("tag", "v9")
    laptop.git("branch", "topic")
    for pushed, reason, line in (
        (laptop.push("topic"), "git/not-deploy-branch", "git push prod topic:main"),
        (laptop.push("v9"), "git/not-deploy-branch", "git push prod 'v9^{}:main'"),
        (laptop.push(":main"), "git/deletion", "ship apps:destroy"),
        (laptop.push("-o", "nonsense", "main"), "usage/unknown-push-option", "-o force"),
        (laptop.push("topic", "v9"), "git/several-refs", "git push prod main"),
    ):
        assert pushed.status == 1, pushed.text
        assert f"({reason})" in pushed.text, pushed.text
        assert line in pushed.text, pushed.text
    laptop.git("remote", "set-url", "prod", server.url("strict", token="wrong"))
    assert "Authentication failed" in laptop.push().text
    laptop.git("remote", "set-url", "prod", server.url("strickt"))
    assert "There is no app strickt on this server." in laptop.push().text
    assert site.ask() == (200, "one")


def test_names_that_begin_alike_are_apps_of_their_own(server: EmbeddedServer) -> None:
    names = ("shop", "shop2", "shop-staging")
    sites = [make(server, name) for name in names]
    for site in sites:
        site.deploy(serve(f"{site.app} one"))
    shop, *others = sites

    def untouched() -> bool:
        return [site.ask() for site in others] == [(200, f"{site.app} one") for site in others]

    shop.deploy(serve("shop two"))
    assert shop.ask() == (200, "shop two")
    assert untouched()
    server.configure(shop.app, GREETING="hello")
    assert shop.ask() == (200, "shop two hello")
    assert untouched()
    control.do(server.server, shop.app, control.stopping())
    assert shop.ask()[0] == 503
    assert untouched()
    control.do(server.server, shop.app, control.starting())
    assert shop.ask() == (200, "shop two hello")
    apps.destroy(server.server, shop.app)
    assert shop.ask()[0] == 404
    assert untouched()
    assert [server.live(site.app) for site in others] == [1, 1]


def test_thirty_apps_in_a_burst_leave_nothing(server: EmbeddedServer) -> None:
    layout = server.layout
    before = _left(server)
    names = [AppName(f"burst-{number}") for number in range(30)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: apps.create(open_server(server.root), name), names))
    made = [records.read_app(layout.app(name)) for name in records.app_names(layout)]
    ports = [port for app in made for port in (app.port, app.port_a, app.port_b)]
    assert len(ports) == len(set(ports))
    assert {f"{name}.conf" for name in names} <= {path.name for path in layout.units.iterdir()}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: apps.destroy(open_server(server.root), name), names))
    assert _left(server) == before


def _left(server: EmbeddedServer) -> list[str]:
    """Everything of apps that is to be found on the server: files, links, programs."""
    layout = server.layout
    places = (layout.apps, layout.repos, layout.units, layout.sites_available, layout.sites_enabled)
    files = [str(path) for place in (*places, layout.run / "apps") for path in place.iterdir()]
    return sorted([*files, *(one.name for one in embedded.status(server.root).programs)])


def test_a_failed_install_works_by_the_same_push_once_the_index_is_repaired(
    server: EmbeddedServer,
) -> None:
    site = make(server, "repaired")
    wheels = server.folder / "wheels"
    wheels.mkdir()
    server.configure(site.app, PIP_FIND_LINKS=str(wheels), PIP_NO_INDEX="1")
    web = {"Procfile": "web: python server.py\n", "server.py": "import local_tool\n" + SERVE}
    failed = site.push({**web, "requirements.txt": "local-tool\n"})
    assert failed.status == 1, failed.text
    assert "main -> main (build failed)" in failed.text
    assert "There is no package local-tool" in failed.text
    assert server.leftovers(site.app) == []
    make_wheel(wheels)
    again = site.laptop.push()
    assert again.status == 0, again.text
    assert site.ask()[0] == 200


def make_wheel(
    folder: Path, name: str = "local_tool", *, version: str = "1.0", code: str = ""
) -> None:
    """The smallest wheel there is: one module."""
    info = f"{name}-{version}.dist-info"
    parts = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = io.StringIO()
    for part, text in parts.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        record.write(f"{part},sha256={digest.decode()},{len(text)}\n")
    parts[f"{info}/RECORD"] = record.getvalue() + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for part, text in parts.items():
            wheel.writestr(part, text)
