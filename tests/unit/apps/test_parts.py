"""The parts of an app: nothing that an app's life passes through forgets one."""

import inspect

import msgspec
import pytest

from receiver.apps import lifecycle, parts, renaming
from receiver.apps.parts import PARTS
from receiver.changes.part import Copying, Part
from receiver.doctor import examination
from receiver.doctor.seen import Seen, look_at_apps
from receiver.hosts.supervisord.host import SupervisordHost
from receiver.model import settings
from receiver.model.finding import Finding
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.server import Server
from receiver.setup import installation
from receiver.state import records

BLOG, SHOP = AppName("blog"), AppName("shop")
MOMENTS = sorted(
    name for name, _ in inspect.getmembers(Part, inspect.isfunction) if not name.startswith("_")
)


class Toy(Part):
    """Notes what it is asked for, and by which names."""

    settings_of_one_app = ("check_limit_s",)

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def make(self, app):
        app.paths.venvs.mkdir(parents=True)
        app.paths.releases.mkdir()
        self.asked.append(("make", app.name))

    def start(self, app, do, *, booting):
        self.asked.append(("start", app.name))

    def stop(self, app, do):
        self.asked.append(("stop", app.name))

    def withdraw(self, app, do):
        self.asked.append(("withdraw", app.name))

    def rename(self, server, was, name):
        self.asked.append(("rename", was, name))

    def copy(self, copying: Copying):
        self.asked.append(("copy", copying.original.name, copying.paths.name))

    def renew(self, apps, *, dry_run):
        self.asked.append(("renew", *(app.name for app in apps)))
        yield "write the toy"

    def examine(self, app):
        self.asked.append(("examine", app.name))
        return [Finding(name="toy.broken", severity="note", title="The toy is broken.")]

    def remove(self, app):
        self.asked.append(("remove", app.name))


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    """The only part that apps have: none of the others needs a machine then."""
    made = Toy()
    from receiver.apps import cloning

    for module in (lifecycle, renaming, cloning, installation, examination):
        monkeypatch.setattr(module, "PARTS", (made,))
    return made


@pytest.fixture
def server(tmp_path):
    layout = Layout.embedded(tmp_path)
    for folder in (layout.app(BLOG).home, layout.app(BLOG).venvs, layout.run, layout.state):
        folder.mkdir(parents=True, exist_ok=True)
    records.write_toml(
        layout.app(BLOG).settings,
        settings.App(port=5000, port_a=5001, port_b=5002, check_limit_s=7, max_body_mb=3),
    )
    return Server(
        layout, settings.Server(domain="ship.test", host="supervisord"), SupervisordHost(layout)
    )


def test_a_part_is_asked_at_every_moment_of_an_app(
    toy: Toy, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from receiver.apps import cloning

    monkeypatch.setattr(cloning, "_go_live", lambda *_: None)
    lifecycle.create(server, SHOP)
    wish = cloning.Wish(old=BLOG, new=AppName("staging"), by="test")
    cloning.clone(server, wish, len)
    _become(server)
    done: list[str] = []
    installation._renew_apps(server, dry_run=True, done=done)
    lifecycle.destroy(server, SHOP)
    assert {asked[0] for asked in toy.asked} >= set(MOMENTS) - {"examine"}
    assert ("rename", "blog", "journal") in toy.asked
    assert ("copy", "blog", "staging") in toy.asked
    assert done == ["would: write the toy"]


def _become(server: Server) -> None:
    """A rename, of which the toy moves nothing: the folder is moved as the part of that would."""
    moved = server.layout.app(AppName("journal")).home
    server.layout.app(BLOG).home.rename(moved)
    renaming._become(server, BLOG, AppName("journal"))


def test_what_a_part_finds_is_in_the_report_of_doctor(toy: Toy, server: Server) -> None:
    apps = tuple(look_at_apps(server, [BLOG])[0])
    found = examination._of_app(
        Seen(server, apps, server.host.examiner(server.settings, apps)), apps[0]
    )
    assert "toy.broken" in {finding.name for finding in found}


def test_a_clone_gets_a_setting_of_one_app_afresh_and_the_others_as_they_are(
    toy: Toy, server: Server
) -> None:
    made = lifecycle._settings(server, records.read_app(server.layout.app(BLOG)))
    assert (made.check_limit_s, made.max_body_mb) == (60, 3)


@pytest.mark.parametrize("setting", msgspec.structs.fields(settings.App), ids=lambda f: f.name)
def test_every_setting_of_an_app_is_of_one_part(setting) -> None:
    owners = [
        type(part).__name__
        for part in PARTS
        if setting.name in (*part.settings, *part.settings_of_one_app)
    ]
    assert len(owners) == 1, f"{setting.name} is of {owners or 'no part'}"


def test_every_part_is_listed_once() -> None:
    kinds = [type(part) for part in PARTS]
    assert len(kinds) == len(set(kinds))
    listed = {kind for kind in vars(parts).values() if inspect.isclass(kind)} - {Part}
    assert listed == set(kinds) == set(Part.__subclasses__()) - {Toy}
