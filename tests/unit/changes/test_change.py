"""A change of an app: what is on disk while it lasts, and what is left where it is cut off."""

import os
import signal

import pytest

from receiver.apps import unfinished
from receiver.changes import change as change_module
from receiver.changes import freezes, recovery
from receiver.changes.app_state import state_of
from receiver.changes.change import changing, changing_machine, configure, looking, removing
from receiver.changes.checkpoint import About
from receiver.changes.executor import Executor
from receiver.hosts.supervisord.host import SupervisordHost
from receiver.machine import files
from receiver.machine.lock import LockedError
from receiver.model import settings
from receiver.model.errors import CancelledError, ServerError
from receiver.model.freeze import FrozenError
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.plan import RemoveFile, WriteFile
from receiver.server import Server
from receiver.state import records

BLOG = AppName("blog")
OLD_JOURNAL = (
    '{{"undo":[{{"type":"WriteFile","path":"{path}","text":"before\\n","mode":420,"gid":-1}}]}}\n'
)

NIGHTLY = (
    '{"nightly":{"schedule":"@daily","timezone":"UTC","catch_up":false,'
    '"since":"2026-01-01T00:00:00Z"}}'
)


@pytest.fixture
def server(tmp_path):
    """A server with an app of which nothing was pushed; none of its programs runs."""
    layout = Layout.embedded(tmp_path)
    paths = layout.app(BLOG)
    for folder in (paths.home, paths.venvs, layout.run):
        folder.mkdir(parents=True)
    records.write_toml(paths.settings, settings.App(port=5000, port_a=5001, port_b=5002))
    limits = settings.Server(domain="ship.test", host="supervisord", lock_wait_s=1)
    return Server(layout, limits, SupervisordHost(layout))


@pytest.fixture
def paths(server):
    return server.layout.app(BLOG)


def lay_down_journal(folder, path):
    """What a ship that was killed in the middle of a change left, of the version before."""
    folder.mkdir()
    (folder / "about.json").write_text('{"title":"limits","build":null,"ref":null,"commit":null}')
    (folder / "undo.jsonl").write_text(OLD_JOURNAL.format(path=path))


def test_steps_stand_when_the_change_comes_to_its_end(server, paths):
    with changing(server, BLOG, "limits") as change:
        change.do(WriteFile(str(paths.scale), '{"web": 2}\n'))
        assert recovery.unfinished(paths) == About(title="limits")
    assert state_of(server, BLOG).scale == {"web": 2}
    assert recovery.unfinished(paths) is None


def test_before_its_first_step_a_change_is_nowhere_on_disk(server, paths):
    with changing(server, BLOG, "limits") as change:
        assert change.state.settings.port == 5000
        assert not paths.journal.exists()


@pytest.mark.parametrize("ending", [ServerError("The disk is full."), KeyboardInterrupt()])
def test_whatever_ends_a_change_puts_back_all_its_steps(server, paths, ending):
    paths.scale.write_text('{"web": 1}\n')
    before, told = sorted(paths.home.iterdir()), []
    steps = (WriteFile(str(paths.scale), '{"web": 2}\n'), RemoveFile(str(paths.settings)))

    def end():
        with changing(server, BLOG, "limits") as change:
            change.afterwards.append(lambda: told.append("stands"))
            change.apply(steps)
            raise ending

    with pytest.raises(type(ending)):
        end()
    assert state_of(server, BLOG).scale == {"web": 1}
    assert (sorted(set(paths.home.iterdir()) - {paths.lock}), told) == (before, [])


def test_what_is_done_afterwards_is_done_when_nothing_is_undone_any_more(server, paths):
    seen = []
    with changing(server, BLOG, "limits") as change:
        change.afterwards.append(
            lambda: seen.append((paths.journal.exists(), paths.lock.read_text()))
        )
        change.do(WriteFile(str(paths.scale), "{}\n"))
    ((journal, holder),) = seen
    assert (journal, holder.startswith("limits (process ")) == (False, True)


def test_a_change_first_undoes_what_an_older_ship_left_unfinished(server, paths):
    paths.scale.write_text('{"web": 2}\n')
    lay_down_journal(paths.journal, paths.scale)
    with changing(server, BLOG, "limits"):
        assert paths.scale.read_text() == "before\n"
    assert not paths.journal.exists()


def test_who_follows_a_build_undoes_its_change_after_a_kill_though_it_makes_no_release(
    server, paths
):
    paths.scale.write_text('{"web": 1}\n')
    child = os.fork()
    if child == 0:
        with changing(server, BLOG, "scaling", build=7) as change:
            change.do(WriteFile(str(paths.scale), '{"web": 2}\n'))
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    recovery.recover_killed(server, BLOG, 6)
    assert state_of(server, BLOG).scale == {"web": 2}
    recovery.recover_killed(server, BLOG, 7)
    assert (state_of(server, BLOG).scale, paths.unfinished.exists()) == ({"web": 1}, False)


def test_what_only_looks_undoes_that_too_and_minds_no_freeze(server, paths):
    lay_down_journal(paths.journal, paths.config)
    freezes.freeze(server, BLOG, "anna", "audit")
    with looking(server, BLOG, "clone", Output(len)):
        assert paths.config.read_text() == "before\n"


def test_what_goes_as_a_whole_is_taken_as_it_is(server, paths):
    lay_down_journal(paths.journal, paths.scale)
    with removing(server, BLOG, "destruction") as app:
        assert (app.paths, paths.scale.exists()) == (paths, False)


@pytest.mark.parametrize("torn", ["live.json", "scale.json", "formation.json"])
def test_what_cannot_be_read_keeps_nothing_from_going(server, paths, torn):
    (paths.home / torn).write_text("{")
    paths.timers.write_text(NIGHTLY)
    with removing(server, BLOG, "destruction") as app:
        assert (app.settings.port, app.release, list(app.timers)) == (5000, None, ["nightly"])


@pytest.mark.parametrize("way", [changing, removing])
def test_a_freeze_is_in_the_way_of_every_change(server, way):
    freezes.freeze(server, BLOG, "anna", "audit")
    with pytest.raises(FrozenError), way(server, BLOG, "limits"):
        pytest.fail("it was let in")
    with way(server, BLOG, "limits", frozen_too=True):
        pass


def test_only_one_change_at_a_time(server):
    said = bytearray()
    with changing(server, BLOG, "limits"), pytest.raises(LockedError):
        changing(server, BLOG, "scaling", Output(said.extend)).__enter__()
    assert b"Waiting for the limits (process " in said


def test_settings_alone_are_changed_in_one_line(server):
    configure(server, BLOG, lambda app: settings.App(port=app.port, port_a=1, port_b=2), "port")
    assert state_of(server, BLOG).settings.port_a == 1


def test_files_of_the_machine_go_back_too(server, tmp_path):
    site = tmp_path / "site"
    site.write_text("before\n")

    def end():
        with changing_machine(server, "installation") as change:
            change.do(WriteFile(str(site), "after\n"))
            raise ServerError("nginx refuses it.")

    with pytest.raises(ServerError):
        end()
    assert (site.read_text(), server.layout.journal.exists()) == ("before\n", False)


def test_what_a_killed_installation_left_is_undone_by_the_next_command(server, tmp_path):
    site = tmp_path / "site"
    lay_down_journal(server.layout.journal, site)
    unfinished.settle(server)
    assert (site.read_text(), server.layout.journal.exists()) == ("before\n", False)


def test_a_boot_undoes_what_is_noted_of_apps_and_of_the_machine(server, paths, tmp_path):
    lay_down_journal(paths.journal, paths.scale)
    lay_down_journal(server.layout.journal, tmp_path / "site")
    assert unfinished.recover_all(server, booting=True) == [BLOG]
    assert (paths.scale.read_text(), (tmp_path / "site").read_text()) == ("before\n", "before\n")


@pytest.mark.parametrize("about", ["", "{", "[]", '{"title": 1}'])
def test_a_journal_whose_note_was_damaged_is_undone_all_the_same(server, paths, about):
    lay_down_journal(paths.journal, paths.scale)
    (paths.journal / "about.json").write_text(about)
    paths.scale.write_text("{}\n")
    with changing(server, BLOG, "limits"):
        assert paths.scale.read_text() == "before\n"
    assert not paths.journal.exists()


def test_a_step_in_the_journal_that_was_damaged_keeps_no_other_from_being_undone(server, paths):
    lay_down_journal(paths.journal, paths.scale)
    with (paths.journal / "undo.jsonl").open("a") as steps:
        steps.write('{"undo":[{"type":"NoSuchStep"}]}\n')
    with changing(server, BLOG, "limits"):
        assert paths.scale.read_text() == "before\n"


@pytest.mark.parametrize("fault", [RecursionError(), KeyError("x"), ServerError("no"), OSError()])
def test_whatever_is_wrong_with_one_step_the_next_one_is_undone(server, paths, monkeypatch, fault):
    lay_down_journal(paths.journal, paths.scale)
    with (paths.journal / "undo.jsonl").open("a") as steps:
        steps.write(OLD_JOURNAL.format(path=paths.home / "fails"))
    real = Executor.do

    def do(self, step):
        if step.path.endswith("fails"):
            raise fault
        real(self, step)

    monkeypatch.setattr(Executor, "do", do)
    assert recovery.recover_apps(server) == [BLOG]
    assert paths.scale.read_text() == "before\n"


def test_the_trouble_of_one_app_keeps_the_boot_from_no_other(server, paths):
    bad = server.layout.app(AppName("aaa"))
    bad.home.mkdir(parents=True)
    records.write_toml(bad.settings, settings.App(port=6000, port_a=6001, port_b=6002))
    bad.journal.mkdir()
    (bad.journal / "about.json").touch()
    (bad.journal / "undo.jsonl").mkdir()
    lay_down_journal(paths.journal, paths.scale)
    failed = []
    found = unfinished.recover_all(server, booting=True, failed=lambda *told: failed.append(told))
    assert (found, [app for app, _ in failed]) == ([BLOG], ["aaa"])
    assert paths.scale.read_text() == "before\n"


def test_a_rename_that_cannot_be_undone_keeps_the_boot_from_no_app(server, paths):
    lay_down_journal(paths.journal, paths.scale)
    server.layout.rename_note.parent.mkdir(parents=True, exist_ok=True)
    server.layout.rename_note.write_text("{")
    failed = []
    found = unfinished.recover_all(server, booting=True, failed=lambda *told: failed.append(told))
    assert (found, [app for app, _ in failed]) == ([BLOG], [None])


@pytest.mark.parametrize("fault", [ServerError("no"), OSError("full"), RecursionError()])
def test_what_fails_after_a_change_stands_is_told_and_turns_nothing(server, paths, fault):
    said, done = bytearray(), []

    def fail():
        raise fault

    with changing(server, BLOG, "limits", Output(said.extend)) as change:
        change.afterwards += [fail, lambda: done.append("next")]
        change.do(WriteFile(str(paths.scale), "{}\n"))
    assert (paths.scale.read_text(), done) == ("{}\n", ["next"])
    assert b"What was changed stands" in said


def test_a_stop_that_comes_when_a_change_stands_comes_too_late(server, paths, monkeypatch):
    def stop(point):
        if point == "finalized":
            raise CancelledError("stopped")

    monkeypatch.setattr(change_module, "reached", stop)
    done = []
    with changing(server, BLOG, "limits") as change:
        change.afterwards.append(lambda: done.append("after"))
        change.do(WriteFile(str(paths.scale), "{}\n"))
    assert (paths.scale.read_text(), done, paths.journal.exists()) == ("{}\n", ["after"], False)


def test_a_change_that_cannot_be_made_to_stand_is_undone(server, paths, monkeypatch):
    def full(_journal):
        raise OSError(28, "No space left on device")

    def end():
        with changing(server, BLOG, "limits") as change:
            change.do(WriteFile(str(paths.scale), "{}\n"))
            with monkeypatch.context() as patched:
                patched.setattr(type(change.journal), "finalize", full)
                change.finalize()

    with pytest.raises(OSError, match="No space"):
        end()
    assert (paths.scale.exists(), paths.journal.exists()) == (False, False)


def test_what_another_process_is_writing_stays_when_a_change_begins(server, paths):
    mine = files.open_held(paths.home / ".live.json.x1")
    (paths.home / ".live.json.x2").touch()
    with changing(server, BLOG, "limits"):
        pass
    os.close(mine)
    assert [path.name for path in paths.home.glob(".*")] == [".live.json.x1"]
