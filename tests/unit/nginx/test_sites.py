"""The files nginx gets, compared as they are written; `SHIP_UPDATE_GOLDEN=1` writes them anew."""

import os
import re
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from receiver.hosts.supervisord.request_logs import LogsOfApps
from receiver.hosts.systemd.request_logs import SystemLogs
from receiver.model.certificate import Certificate
from receiver.model.layout import Layout, SlotLetter
from receiver.model.maintenance import Maintenance
from receiver.model.names import AppName
from receiver.model.release import Release
from receiver.model.settings import App, Server, server_names
from receiver.model.webserver import Command, Gunicorn, Process
from receiver.nginx.sites import Front, is_current, receiver_file, shared_file, site_file

GOLDEN = Path(__file__).parents[2] / "golden" / "nginx"
SERVER = Server(domain="example.com", https_port=0)
SETTINGS = App(port=20_000, port_a=20_001, port_b=20_002, domains=("www.blog.org", "blog.org"))


def certificate(name: str) -> Certificate | None:
    """Only the app's own name has one."""
    if name != "blog.example.com":
        return None
    return Certificate(
        file=f"{name}.0123456789abcdef.pem",
        names=(name,),
        issuer="",
        begins="",
        ends="",
        by="authority",
    )


KEY = "0123456789abcdef0123456789abcdef"
VPS = Front(
    Layout.vps(),
    SERVER,
    SystemLogs(),
    ipv6=True,
    certificate=certificate,
    check_key=lambda _: KEY,
    snippets=lambda _: (),
)
SECURE = replace(VPS, server=Server(domain="example.com"))
ROOT = Layout.embedded(Path("/srv/my ship"))
EMBEDDED = Front(
    ROOT,
    Server(domain="localhost", host="supervisord", http_port=8080),
    LogsOfApps(ROOT),
    ipv6=False,
    certificate=certificate,
    check_key=lambda _: KEY,
    snippets=lambda _: (),
)
GUNICORN = Gunicorn(app="app:app")
OPEN_TO_NOBODY = Maintenance(since="2026-01-31T08:00:00Z", by="laptop", key="0123456789abcdef")
CLOSED = App(
    port=20_000,
    port_a=20_001,
    port_b=20_002,
    maintenance=msgspec.structs.replace(OPEN_TO_NOBODY, allow=("203.0.113.7", "2001:db8::/32")),
)


def release(web: Process | None, **static: str) -> Release:
    prefixes = {"assets": "/static/", "site": "/"}
    return Release(
        version=3,
        app="blog",
        commit="",
        description="",
        by="",
        created_at="",
        buildpack="python",
        python=None,
        venv=None,
        processes={} if web is None else {"web": web},
        static={prefixes[name]: folder for name, folder in static.items()},
    )


def site(front: Front, of: Release | None, slot: SlotLetter = "a", app: str = "blog") -> str:
    return site_file(front, AppName(app), SETTINGS, of, slot).text


def receiver(front: Front) -> str:
    path, names = Path("/etc/nginx/receiver.conf"), ("ship.example.com",)
    return receiver_file(front, path, Path("/run/it.sock"), Path("/log"), names, sealed=True).text


CASES = {
    "proxied.conf": site(VPS, release(GUNICORN)),
    "proxied-with-static.conf": site(EMBEDDED, release(GUNICORN, assets="collected")),
    "own-port-slot-b.conf": site(VPS, release(Command(command="python app.py")), "b"),
    "https.conf": site(SECURE, release(GUNICORN, assets="collected")),
    "https-not-deployed.conf": site(SECURE, None, app="shop"),
    "files.conf": site(VPS, release(None, site=".")),
    "no-web.conf": site(VPS, release(None)),
    "not-deployed.conf": site(VPS, None),
    "stopped.conf": site_file(
        VPS,
        AppName("blog"),
        App(port=20_000, port_a=20_001, port_b=20_002, stopped=True),
        release(GUNICORN),
        "a",
    ).text,
    "maintenance.conf": site_file(VPS, AppName("my-blog"), CLOSED, release(GUNICORN), "a").text,
    "maintenance-of-files.conf": site_file(
        VPS,
        AppName("blog"),
        msgspec.structs.replace(CLOSED, maintenance=OPEN_TO_NOBODY),
        release(None, site="."),
        "a",
    ).text,
    "behind-proxies.conf": site_file(
        replace(VPS, server=Server(domain="example.com", trusted_proxies=("Cloudflare", "::1"))),
        AppName("my-blog"),
        msgspec.structs.replace(SETTINGS, proxy_headers=("X-Scheme", "x-forwarded-for")),
        release(GUNICORN),
        "a",
    ).text,
    "another-domain.conf": site(
        replace(SECURE, server=Server(domain="example.com", former_domains=("old.example",))),
        release(GUNICORN),
    ),
    "receiver.conf": receiver(SECURE),
    "receiver-with-a-certificate.conf": receiver(
        replace(SECURE, certificate=lambda _: certificate("blog.example.com"))
    ),
    "receiver-behind-proxies.conf": receiver(
        replace(VPS, server=Server(domain="example.com", https_port=0, trusted_proxies=("::1",)))
    ),
    "shared.conf": shared_file(VPS).text,
    "shared-https.conf": shared_file(SECURE).text,
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_files_are_as_they_were_agreed(name: str) -> None:
    if os.environ.get("SHIP_UPDATE_GOLDEN"):
        (GOLDEN / name).write_text(CASES[name])
    assert CASES[name] == (GOLDEN / name).read_text()


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(CASES)


def test_the_held_socket_has_one_port_whichever_slot_serves() -> None:
    assert site(VPS, release(GUNICORN), "a") == site(VPS, release(GUNICORN), "b")


def test_a_server_that_binds_its_port_is_followed_to_its_slot() -> None:
    own = release(Command(command="python app.py"))
    assert "server 127.0.0.1:20001 " in site(VPS, own, "a")
    assert "server 127.0.0.1:20002 " in site(VPS, own, "b")


def test_names_that_are_each_others_prefix_share_nothing() -> None:
    texts = [site(VPS, release(GUNICORN), app=app) for app in ("blog", "blog2", "blog-staging")]
    named = [
        set(re.findall(r"upstream ship\S+|server_name blog[\w-]*\.example\.com|/\S+\.log", text))
        for text in texts
    ]
    assert all(len(names) == 4 for names in named)
    assert len(set.union(*named)) == 12


def test_the_shared_file_is_no_apps_and_is_read_first() -> None:
    shared = Path(shared_file(VPS).path)
    assert shared not in {VPS.layout.site(AppName(app)) for app in ("default", "shared")}
    assert shared.name < VPS.layout.site(AppName("a")).name


def test_a_domain_named_twice_is_written_once() -> None:
    settings = App(port=1, port_a=2, port_b=3, domains=("blog.example.com", "a.org", "a.org"))
    assert server_names(SERVER, AppName("blog"), settings) == ("blog.example.com", "a.org")


@pytest.mark.parametrize("domain", ["a.org; return 200", "a b.org", "a.org{", 'a"b.org'])
def test_a_domain_cannot_end_its_line(domain: str) -> None:
    settings = App(port=1, port_a=2, port_b=3, domains=(domain,))
    text = site_file(VPS, AppName("blog"), settings, release(GUNICORN), "a").text
    (line,) = (
        line
        for line in text.splitlines()
        if line.startswith("    server_name ") and "blog.ex" not in line
    )
    assert re.fullmatch(r'    server_name "(?:[^"\\]|\\.)*";', line)


@pytest.mark.parametrize("domain", ["a.org\nreturn 200;", "$host", "a\0b"])
def test_a_domain_that_nginx_cannot_take_is_refused(domain: str) -> None:
    settings = App(port=1, port_a=2, port_b=3, domains=(domain,))
    with pytest.raises(ValueError, match="cannot be written"):
        site_file(VPS, AppName("blog"), settings, release(GUNICORN), "a")


def test_a_static_prefix_always_ends_like_its_folder() -> None:
    of = Release(
        version=1,
        app="blog",
        commit="",
        description="",
        by="",
        created_at="",
        buildpack="python",
        python=None,
        venv=None,
        processes={"web": GUNICORN},
        static={"/static": "public"},
    )
    text = site(VPS, of)
    assert "location ^~ /static/ {" in text
    assert "alias /var/lib/ship/apps/blog/current/public/public/;" in text


def test_a_file_is_current_as_long_as_it_is_made_of_the_same_values() -> None:
    text = site(VPS, release(GUNICORN))
    app = AppName("blog")
    assert is_current(text, VPS, app, SETTINGS, release(GUNICORN), "a")
    assert is_current(text, VPS, app, SETTINGS, release(GUNICORN), "b")
    assert not is_current(text, VPS, app, SETTINGS, release(Command(command="x")), "b")
    assert not is_current(text, VPS, AppName("blog2"), SETTINGS, release(GUNICORN), "a")
    assert not is_current("", VPS, app, SETTINGS, release(GUNICORN), "a")


def test_who_comes_through_a_trusted_proxy_to_an_old_name_stays_with_its_scheme() -> None:
    server = Server(domain="example.com", former_domains=("old.example",), trusted_proxies=("::1",))
    text = site(replace(SECURE, server=server), release(GUNICORN))
    assert re.search(r"return 301 \$ship_\w+://blog\.example\.com\$request_uri;", text)


def test_a_name_that_an_app_was_given_itself_is_not_sent_on() -> None:
    server = Server(domain="example.com", former_domains=("old.example",))
    settings = msgspec.structs.replace(SETTINGS, domains=("blog.old.example",))
    front = replace(VPS, server=server)
    text = site_file(front, AppName("blog"), settings, release(GUNICORN), "a").text
    assert "return 301" not in text.replace("return 301 https://$host", "")
    assert text.count("blog.old.example;") == 1


def test_who_comes_through_a_trusted_proxy_is_not_sent_on_to_https() -> None:
    """It may have https itself, and ask by http: its visitors would go in circles."""
    server = Server(domain="example.com", trusted_proxies=("cloudflare",))
    text = site(replace(SECURE, server=server), release(GUNICORN))
    assert "return 301 https://" in site(SECURE, release(GUNICORN))
    assert "return 301 " not in text
    named = re.findall(r"listen (80|443 ssl http2);|server_name (\S+);", text)
    assert named == [
        *[("80", ""), ("443 ssl http2", ""), ("", "blog.example.com")],
        *[("80", ""), ("443 ssl http2", ""), ("", "www.blog.org"), ("", "blog.org")],
    ]
