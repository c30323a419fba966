"""Buildpacks of others, from the administrator's line to the page: real git over HTTP, real
builds, commands as typed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from receiver.model.names import AppName
from receiver.state import records
from tests.checkout import Checkout, Pushed
from tests.embedded.embedded_server import EmbeddedServer, embedded_server, own_name
from tests.embedded.pushing import wsgi
from tests.embedded.transcript import assert_as_recorded, error_block, masked

pytestmark = pytest.mark.embedded

COMPILE = """#!/bin/bash
set -euo pipefail
echo "-----> Making it"
[[ -z ${GREETING:-} ]]
cp "$3/GREETING" "$1/greeting"
count=$(($(cat "$2/count" 2>/dev/null || echo 0) + 1))
echo "$count" > "$2/count"
echo "       Built $count times"
mkdir -p "$1/.profile.d" "$1/tools"
echo 'export TOOLS=$HOME/tools' > "$1/.profile.d/maker.sh"
echo "export MAKER=made" > "${BASH_SOURCE%/*}/../export"
"""
RELEASE = (
    "#!/bin/sh\necho warning >&2\nprintf -- '---\\ndefault_process_types:\\n"
    "  web: python3 serve\\n'\n"
)
PACK: dict[str, str | bytes | None] = {
    "index.html": "a buildpack",
    "bin/detect": '#!/bin/sh\ntest -f "$1/maker.txt" && echo Maker\n',
    "bin/compile": COMPILE,
    "bin/release": RELEASE + "printf 'config_vars:\\n  MODE: fast\\n'\n",
}
SECOND = {
    "detect": "#!/bin/sh\necho Second\n",
    "compile": '#!/bin/sh\necho "after $MAKER" > "$1/second"\n',
}
SERVE = """
import http.server, os

class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        here = os.path.join(os.getcwd(), "tools")
        there = filter(os.path.exists, ("greeting", "second"))
        kept = [open(name).read().strip() for name in there]
        body = " ".join([*kept, str(os.environ["TOOLS"] == here)]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
APP: dict[str, str | bytes | None] = {"maker.txt": "", "serve": SERVE}


@dataclass(frozen=True)
class Site:
    """An app whose buildpacks are chosen."""

    server: EmbeddedServer
    app: AppName
    laptop: Checkout

    def ship(self, *words: str, status: int = 0) -> str:
        """Type a command on the server; returns all that it prints."""
        done = self.server.ship(words[0], "--app", self.app, *words[1:])
        assert done.status == status, done.out + done.err
        return done.out + done.err

    def push(self, files: dict[str, str | bytes | None]) -> Pushed:
        self.laptop.git("rm", "-r", "-q", "-f", "--ignore-unmatch", ".")
        self.laptop.commit(files)
        return self.laptop.push()

    def refused(self, files: dict[str, str | bytes | None], name: str) -> None:
        pushed = self.push(files)
        assert pushed.status == 1, pushed.text
        assert self.server.leftovers(self.app) == []
        assert_as_recorded(name, masked(self.server, error_block(pushed)))


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as found:
        pack = found.checkout(found.create("pack"))
        for name in ("detect", "compile", "release"):
            (pack.folder / "bin").mkdir(exist_ok=True)
            (pack.folder / "bin" / name).touch(mode=0o755)
        commit = pack.commit(PACK)
        assert pack.push().status == 0
        second = found.folder / "second" / "bin"
        second.mkdir(parents=True)
        for name, text in SECOND.items():
            (second / name).write_text(text)
            (second / name).chmod(0o755)
        allowed = {
            "maker": f"{found.url('pack')}#{commit}",
            "second": str(second.parent),
            "gone": f"http://127.0.0.1:{found.port}/git/gone.git#{commit}",
        }
        path = found.layout.server_settings
        settings = records.read_server(found.layout)
        records.write_toml(path, replace(settings, buildpacks=allowed))
        yield found


@pytest.fixture
def site(server: EmbeddedServer, request: pytest.FixtureRequest) -> Site:
    name = own_name(request)
    return Site(server, server.create(name), server.checkout(name))


def test_two_buildpacks_in_order_and_what_they_leave_for_the_processes(site: Site) -> None:
    site.server.configure(site.app, GREETING="hello")
    said = site.ship("buildpacks:set", "maker")
    assert said.startswith(f"Buildpack set. Next release on {site.app} will use maker.\n")
    said = site.ship("buildpacks:add", "second")
    assert "Buildpack added. Next release on" in said
    assert "  1. maker\n  2. second\n" in said
    pushed = site.push(APP)
    assert pushed.status == 0, pushed.text
    lines = "\n".join(pushed.lines)
    assert "-----> Maker app detected, by the buildpack maker" in lines
    assert "       Built 1 times" in lines
    assert "-----> Second app detected, by the buildpack second" in lines
    assert "`ship config:set MODE=fast`" in lines
    assert "       web: python3 serve" in lines
    assert site.server.ask(site.app) == (200, "hello after made True")
    assert site.server.leftovers(site.app) == []
    assert not (site.server.paths(site.app).release(1).home / "buildpacks").exists()
    words = ("sh", "-c", 'echo "$TOOLS is $PWD/tools"; test "$TOOLS" = "$PWD/tools"')
    assert site.ship("run", "--", *words).endswith("/tools\n")

    pushed = site.push({**APP, "more": ""})
    assert "Built 2 times" in pushed.text
    site.server.configure(site.app, GREETING="other")
    assert site.server.ask(site.app) == (200, "hello after made True")
    site.ship("buildpacks:remove", "--index", "2")
    assert site.push(APP).status == 0
    assert site.server.ask(site.app) == (200, "other True")
    site.server.rollback(site.app)
    assert site.server.ask(site.app)[1].startswith("hello after made")


def test_a_buildpack_before_python_and_gunicorn_beside_its_profile(site: Site) -> None:
    site.server.configure(site.app, GREETING="hello")
    site.ship("buildpacks:set", "maker")
    site.ship("buildpacks:add", "heroku/python")
    code = wsgi("page")["app.py"].replace('"page "', 'os.environ["TOOLS"][-5:] + " "')
    pushed = site.push({**wsgi("page"), "app.py": code, "maker.txt": ""})
    assert pushed.status == 0, pushed.text
    assert site.server.ask(site.app) == (200, "tools hello")
    assert records.read_release(site.server.paths(site.app), 1).buildpack == "maker python"


def test_the_list_is_shown_changed_and_cleared(site: Site) -> None:
    assert "each push finds out what fits" in site.ship("buildpacks")
    site.ship("buildpacks:add", "python")
    site.ship("buildpacks:add", "maker", "--index", "1")
    assert site.ship("buildpacks") == f"=== {site.app} Buildpacks\n\n1. maker\n2. python\n"
    found = json.loads(site.ship("buildpacks", "--json"))
    assert found["buildpacks"] == ["maker", "python"]
    assert site.server.token not in json.dumps(found)
    assert set(found["allowed"]) == {"python", "static", "procfile", "maker", "second", "gone"}
    site.ship("buildpacks:set", "second", "--index", "1")
    assert json.loads(site.ship("buildpacks", "--json"))["buildpacks"] == ["second", "python"]
    assert "(exists/buildpack)" in site.ship("buildpacks:add", "python", status=22)
    assert "(not-found/buildpack)" in site.ship("buildpacks:remove", "maker", status=20)
    assert "(usage/bad-index)" in site.ship("buildpacks:remove", "--index", "3", status=2)
    assert "(usage/bad-index)" in site.ship("buildpacks:remove", status=2)
    said = site.ship("buildpacks:add", "https://git.example/evil.git", status=21)
    assert "is not allowed on this server" in said
    assert "will use python." in site.ship("buildpacks:remove", "second")
    assert "will use what fits." in site.ship("buildpacks:clear")


def test_what_goes_wrong_is_told_and_what_is_advised_works(site: Site) -> None:
    path, before = site.server.layout.server_settings, records.read_server(site.server.layout)
    site.ship("buildpacks:set", "gone")
    site.refused({"serve": SERVE}, "buildpack-not-fetched")
    allowed = {**before.buildpacks, "gone": before.buildpacks["maker"]}
    records.write_toml(path, replace(before, buildpacks=allowed))  # its line is corrected
    try:
        site.refused({"serve": SERVE}, "buildpack-does-not-fit")
        site.refused(APP, "buildpack-failed")  # what it looks for is committed
        site.server.configure(site.app, GREETING="hello")  # what it looked for among config vars
        pushed = site.laptop.push()
        assert pushed.status == 0, pushed.text
        assert site.server.ask(site.app) == (200, "hello True")
    finally:
        records.write_toml(path, before)
    app_settings = site.server.paths(site.app).settings
    app_settings.write_text(app_settings.read_text().replace('"gone"', '"left"'))
    site.refused(dict(wsgi("page")), "buildpack-not-allowed")
    site.ship("buildpacks:remove", "left")
    pushed = site.laptop.push()
    assert pushed.status == 0, pushed.text
    assert site.server.ask(site.app) == (200, "page hello")


def test_app_json_chooses_where_nobody_else_did_and_the_server_has_them_all(site: Site) -> None:
    site.server.configure(site.app, GREETING="hello")

    def named(*urls: str) -> dict[str, str | bytes | None]:
        return {
            **APP,
            "index.html": "a page",
            "app.json": json.dumps({"buildpacks": [{"url": url} for url in urls]}),
        }

    pushed = site.push(named("maker", "https://git.example/evil"))
    assert pushed.status == 0, pushed.text
    assert (
        "The buildpacks of app.json are left out. The buildpack https://git.example/evil is "
        "not allowed"
    ) in pushed.text
    assert site.server.ask(site.app) == (200, "a page")
    pushed = site.push(named("maker"))
    assert pushed.status == 0, pushed.text
    assert site.server.ask(site.app) == (200, "hello True")
    site.ship("buildpacks:set", "static")
    pushed = site.push(named("maker"))
    assert pushed.status == 0, pushed.text
    assert site.server.ask(site.app) == (200, "a page")
