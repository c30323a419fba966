"""`ship server:info`, `server:set` and `server:unset`, and what nginx serves after a change."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from receiver.model.release import Release
from receiver.state import records
from tests.authority import OwnAuthority
from tests.embedded.embedded_server import EmbeddedServer, ask_raw, embedded_server
from tests.ports import free_port

pytestmark = pytest.mark.embedded

APP, DOMAIN, NEW = "shop", "ship.test", "new.ship.example"
HOST = """
import os
def app(environ, start_response):
    seen = f"{os.environ['SHIP_HOST']} {os.environ['SHIP_HOSTS']}".encode()
    start_response("200 OK", [("Content-Length", str(len(seen)))])
    return [seen]
"""


KILLED = """
import os, signal, sys
from pathlib import Path
from receiver.changes.points import EVENT
from receiver.model.output import Output
from receiver.server import open_server
from receiver.setup.server_settings import change

left = [int(sys.argv[3])]

def hook(event, told):
    if event == EVENT:
        print(told[0], flush=True)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
change(open_server(Path(sys.argv[1])), {("domain",): sys.argv[2]}, Output(len))
"""
POINTS = ("begun", *("before WriteFile", "after WriteFile") * 3, "finalized")
"""The record of the live release, nginx's file, ship.toml."""


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server(https_port=free_port()) as running:
        running.publish(APP, {"app.py": HOST, "requirements.txt": ""})
        yield running


@pytest.fixture
def as_before(server: EmbeddedServer) -> Iterator[None]:
    """Whatever a test sets, the next one begins with what the server began with."""
    path = server.layout.server_settings
    text = path.read_text()
    yield
    server.ship("server:set", f"domain={DOMAIN}")
    server.ship("server:unset", "former_domains")
    path.write_text(text)


def test_what_a_server_is_is_told_in_a_few_lines(server: EmbeddedServer) -> None:
    done = server.ship("server:info")
    assert done.status == 0, done.err
    told = dict(line.split(":", 1) for line in done.out.splitlines())
    assert told["Domain"].strip() == DOMAIN
    assert told["nginx"].strip() == f"http on {server.port}, https on {server.https_port}"
    assert told["Certificates"].strip().startswith("0 of 1 names")
    found = json.loads(server.ship("server:info", "--json").raw)
    assert (found["apps"], found["host"], found["http_port"]) == (1, "supervisord", server.port)
    assert found["disk_bytes"] > found["disk_free_bytes"] > 0
    assert found["pythons"]


@pytest.mark.usefixtures("as_before")
def test_a_setting_is_changed_in_its_line_and_comments_stay(server: EmbeddedServer) -> None:
    path = server.layout.server_settings
    there = "keep_releases = 10"
    assert there in path.read_text()
    lines = path.read_text().replace(there, "keep_releases = 7 # as agreed")
    path.write_text(f"# ours\n{lines}")
    done = server.ship("server:set", "keep_releases=5", "fetch_pythons=off")
    assert done.status == 0, done.err
    assert done.out == "keep_releases: 7, now 5\nfetch_pythons: true, now false\n"
    text = path.read_text()
    assert text.startswith("# ours\n")
    assert "keep_releases = 5 # as agreed\n" in text
    assert records.read_server(server.layout).fetch_pythons is False
    again = server.ship("server:set", "keep_releases=5")
    assert (again.out, again.err) == ("", "Nothing to change: these are the values already.\n")
    unset = server.ship("server:unset", "keep_releases", "fetch_pythons")
    assert unset.out == "keep_releases: 5, now 10\nfetch_pythons: false, now true\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "Nothing to set."),
        ("keep_release=5", "Did you mean keep_releases"),
        ("keep_releases=many", "A number from 1 to 1000."),
        ("keep_releases", "'keep_releases' has no value."),
        ("host=systemd", "host is not changed while the server runs."),
        ("http_port=81", "Edit http_port in "),
        ("first_port=30000", "30000 to "),
        ("apps_memory=1M", "Apps would be killed at once."),
        (f"former_domains={DOMAIN}", f"{DOMAIN} cannot be the domain and a former one."),
        ("domain=*.example.com", "Give it without the star."),
        ("trusted_proxies=nobody", "These settings do not go together."),
    ],
)
def test_what_cannot_be_set_is_refused_and_nothing_changes(
    server: EmbeddedServer, words: str, said: str
) -> None:
    before = server.layout.server_settings.read_text()
    done = server.ship("server:set", *words.split())
    assert done.status == 2
    assert said in done.err
    assert server.layout.server_settings.read_text() == before


@pytest.mark.usefixtures("as_before")
def test_another_domain_serves_at_once_and_the_old_names_are_redirected(
    server: EmbeddedServer,
) -> None:
    done = server.ship("server:set", f"domain={NEW}", "keep_releases=9")
    assert done.status == 0, done.err
    assert f"domain: {DOMAIN}, now {NEW}" in done.out
    assert f"ship ps:restart -a {APP}" in done.err
    old = f"{APP}.{DOMAIN}"
    head, _ = ask_raw(server.port, old, "/a?b=c")
    assert head.startswith("HTTP/1.1 301 ")
    assert f"Location: http://{APP}.{NEW}:{server.port}/a?b=c\r\n" in f"{head}\r\n"
    assert "Cache-Control: max-age=3600" in head
    assert ask_raw(server.port, f"{APP}.{NEW}")[0].startswith("HTTP/1.1 200 ")
    restarted = server.ship("ps:restart", "-a", APP)
    assert restarted.status == 0, restarted.err
    assert ask_raw(server.port, f"{APP}.{NEW}")[1] == f"{APP}.{NEW} {APP}.{NEW}"
    live = records.read_live(server.paths(APP))
    assert live is not None
    release = records.read_json(server.paths(APP).release(live.release).record, Release)
    assert release is not None
    assert release.address == f"{APP}.{NEW}"
    assert server.ship("doctor", "-a", APP).status == 0
    ended = server.ship("server:unset", "former_domains")
    assert ended.status == 0, ended.err
    assert ask_raw(server.port, old)[0].startswith("HTTP/1.1 404 ")


@pytest.mark.usefixtures("as_before")
def test_a_certificate_of_an_old_name_is_shown_as_long_as_it_is_redirected(
    server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = OwnAuthority(tmp_path_factory.mktemp("authority"))
    for name in (f"{APP}.{DOMAIN}", f"{APP}.{NEW}"):
        server.ship("server:set", f"domain={name.partition('.')[2]}")
        text = authority.certificate(name).encode()
        added = server.ship("certs:add", "-a", APP, given=text)
        assert added.status == 0, added.err
    site = server.layout.site(server.paths(APP).name).read_text()
    assert f"return 301 https://{APP}.{NEW}:{server.https_port}$request_uri;" in site
    assert server.ship("certs:settle").status == 0
    kept = {path.name for path in server.layout.certificates.glob("*.json")}
    assert kept == {f"{APP}.{DOMAIN}.json", f"{APP}.{NEW}.json"}
    assert server.ship("server:unset", "former_domains").status == 0
    assert server.ship("certs:settle").status == 0
    kept = {path.name for path in server.layout.certificates.glob("*.json")}
    assert kept == {f"{APP}.{NEW}.json"}
    server.ship("certs:remove", f"{APP}.{NEW}", "-a", APP)


@pytest.mark.usefixtures("as_before")
def test_where_nginx_refuses_all_stays_as_it_was(server: EmbeddedServer) -> None:
    broken = server.layout.sites_enabled / "zz-others.conf"
    before = server.layout.server_settings.read_text()
    broken.write_text("nonsense;\n")
    try:
        done = server.ship("server:set", f"domain={NEW}")
    finally:
        broken.unlink()
    assert done.status == 8
    assert "nginx refused its files with these settings. Nothing was changed." in done.err
    assert server.layout.server_settings.read_text() == before
    assert ask_raw(server.port, f"{APP}.{DOMAIN}")[0].startswith("HTTP/1.1 200 ")
    assert server.ship("doctor", "-a", APP).status == 0


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("count", range(1, len(POINTS) + 1))
def test_a_power_cut_leaves_all_of_it_or_nothing(server: EmbeddedServer, count: int) -> None:
    site = server.layout.site(server.paths(APP).name)
    texts = (server.layout.server_settings.read_text(), site.read_text())
    argv = (sys.executable, "-c", KILLED, str(server.root), NEW, str(count))
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -9, done.stderr
    assert tuple(done.stdout.splitlines()) == POINTS[:count]
    assert server.ship("apps").status == 0, "the next command undoes what was cut off"
    stands = count == len(POINTS)
    after = (server.layout.server_settings.read_text(), site.read_text())
    assert (after == texts) is not stands
    for domain, its in ((DOMAIN, not stands), (NEW, stands)):
        assert (ask_raw(server.port, f"{APP}.{domain}")[0][:12] == "HTTP/1.1 200") is its
    assert server.ship("doctor", "-a", APP).status == 0


@pytest.mark.usefixtures("as_before")
def test_a_domain_that_would_take_an_apps_name_is_refused(server: EmbeddedServer) -> None:
    server.create("other")
    taken = f"other.{NEW}"
    server.ship("domains:add", taken, "-a", APP)
    try:
        done = server.ship("server:set", f"domain={NEW}")
    finally:
        server.ship("domains:remove", taken, "-a", APP)
        server.ship("apps:destroy", "other", "--confirm", "other")
    assert done.status == 22
    assert f"{taken} is a domain of the app {APP}, and would be that of other." in done.err


@pytest.mark.usefixtures("as_before")
def test_a_proxy_that_is_trusted_now_is_in_nginxs_files(server: EmbeddedServer) -> None:
    done = server.ship("server:set", "trusted_proxies=10.0.0.0/8,cloudflare")
    assert done.status == 0, done.err
    assert done.out == "trusted_proxies: (none), now 10.0.0.0/8,cloudflare\n"
    site = server.layout.site(server.paths(APP).name).read_text()
    assert "set_real_ip_from 10.0.0.0/8;" in site
    assert server.ship("server:unset", "trusted_proxies").status == 0
