"""ship.toml of an app: what it may say, and what it is told when it says something else."""

import pytest

from receiver.model.check import Check
from receiver.model.cron import Cron
from receiver.model.errors import BuildError
from receiver.model.manifest import parse_manifest
from receiver.model.settings import Manifest, ProcessRule, ReleasePhase, Takeover


@pytest.mark.parametrize(
    ("text", "manifest"),
    [
        ("", Manifest()),
        ("\ufeff# nothing\r\n", Manifest()),
        (
            "[check]\npath = '/health'\nstatus = 204\n",
            Manifest(check=Check(path="/health", status=204)),
        ),
        ("[deploy]\norder = 'stop-first'\n", Manifest(deploy=Takeover(order="stop-first"))),
        ("[release]\nlimit_s = 60\non = []\n", Manifest(release=ReleasePhase(limit_s=60, on=()))),
        (
            "[release]\non = ['config', 'rollback']\n",
            Manifest(release=ReleasePhase(on=("config", "rollback"))),
        ),
        (
            "[process.worker]\nstop_signal = 'SIGQUIT'\ngraceful_s = 60\n",
            Manifest(process={"worker": ProcessRule(stop_signal="SIGQUIT", graceful_s=60)}),
        ),
        ("[process]\nsend-mail = {}\n", Manifest(process={"send-mail": ProcessRule()})),
        ("[static]\n'/static/' = 'static'\n", Manifest(static={"/static/": "static"})),
        (
            "static = {'/' = '.', '/a.b/c' = 'x.d/y'}\n",
            Manifest(static={"/": ".", "/a.b/c": "x.d/y"}),
        ),
    ],
)
def test_is_read(text: str, manifest: Manifest) -> None:
    assert parse_manifest(text.encode()) == manifest


def test_folders_of_the_storage_are_told_from_those_of_the_repository() -> None:
    text = b"[static]\n'/static/' = 'static'\n'/media/' = 'storage:up/media/'\n"
    manifest = parse_manifest(text)
    assert manifest.static_of_tree == {"/static/": "static"}
    assert manifest.static_of_storage == {"/media/": "up/media"}


@pytest.mark.parametrize(
    ("data", "detail", "advice"),
    [
        (b"[check]\npath = health\n", "Line 2 is not valid TOML", "quotes"),
        (b"[check\n", "Line 1 is not valid TOML", "quotes"),
        (b"a = [", "The end of the file is not valid TOML", "quotes"),
        (b"[chek]\npath = '/'\n", "Line 1: There is no setting `chek`.", "Did you mean `check`?"),
        (
            b"\n[check]\npaht = '/'\n",
            "Line 3: There is no setting `check.paht`.",
            "Did you mean `path`?",
        ),
        (
            b"[check]\nstatus = '200'\n",
            (
                "Line 2: `check.status`: It has to be a whole number or a list, and is a text in "
                "quotes."
            ),
            "path, status",
        ),
        (
            b"[check]\nstatus = 999\n",
            "Line 2: `check.status`: It has to be 599 or less.",
            "path, status",
        ),
        (b"[check]\npath = 'health'\n", "Line 2: `check.path`", "path, status"),
        (
            b"[check]\nstatus = 99\n",
            "Line 2: `check.status`",
            "The status, or the list of them, that is alive. In",
        ),
        (
            b"[release]\nlimit = 5\n",
            "Line 2: There is no setting `release.limit`.",
            "Did you mean `limit_s`?",
        ),
        (
            b"[release]\nlimit_s = 0\n",
            "Line 2: `release.limit_s`: It has to be 1 or more.",
            "limit_s, on",
        ),
        (
            b"[release]\non = 'deploy'\n",
            "Line 2: `release.on`: It has to be a list, and is a text in quotes.",
            "limit_s, on",
        ),
        (
            b"[release]\non = ['restart']\n",
            "Line 2: `release.on[0]`: It cannot be 'restart'.",
            "a `rollback`",
        ),
        (
            b"static = 'public'\n",
            "Line 1: `static`: It has to be a table of names and values, and is a text in quotes.",
            "check, deploy, nginx, release, cron, process, static",
        ),
        (
            b"[process.worker]\nstop_signl = 'x'\n",
            "Line 2: There is no setting `process.TYPE.stop_signl`.",
            "Did you mean `stop_signal`?",
        ),
        (
            b"[process.worker]\nstop_signal = 'QUIT'\n",
            "Line 2: `process.TYPE.stop_signal`: It cannot be 'QUIT'.",
            "SIGTERM, SIGINT, SIGQUIT",
        ),
        (
            b"[process.worker]\ngraceful_s = 0\n",
            "Line 2: `process.TYPE.graceful_s`: It has to be 1 or more.",
            "then they are killed",
        ),
        (
            b"[process]\nworker = 3\n",
            "`process.TYPE`: It has to be a table of names and values, and is a whole number.",
            "stop_signal, graceful_s",
        ),
        (
            b"[process.web]\ngraceful_s = 3\n",
            "Line 1: `process.web`: how web ends is not for this file to say.",
            "graceful_limit_s",
        ),
        (b"[static]\n'css' = 'x'\n", "Line 2: `css` = `x`: this is no address", "slash"),
        (b"[static]\n'/a b' = 'x'\n", "this is no address", "slash"),
        (b"[static]\n'/a/../b' = 'x'\n", "this is no address", "slash"),
        (b"[static]\n'/;}' = 'x'\n", "this is no address", "slash"),
        (b"[static]\n'/a' = '/etc'\n", "Line 2: `/a` = `/etc`: this is no folder", "without `..`"),
        (b"[static]\n'/a' = 'a/../..'\n", "this is no folder", "without `..`"),
        (b"[static]\n'/a' = '.git'\n", "this is no folder", "without `..`"),
        (b"[static]\n'/a' = ''\n", "this is no folder", "without `..`"),
        (b"[static]\n'/a' = 'storage:'\n", "no folder of the app's storage", "a database in it"),
        (b"[static]\n'/a' = 'storage:.'\n", "no folder of the app's storage", "a database in it"),
        (b"[static]\n'/a' = 'storage:../x'\n", "no folder of the app's storage", "storage:media"),
        (b"[static]\n'/a' = 'storage:/x'\n", "no folder of the app's storage", "storage:media"),
        (b"[static]\n'/' = 'storage:x'\n", "cannot be the whole site", "/media/"),
        (b"[static]\n'/a' = 'x;y'\n", "this is no folder", "without `..`"),
        (b"x = '\xff'", "Byte 5 of it is not UTF-8.", "UTF-8"),
    ],
)
def test_is_refused(data: bytes, detail: str, advice: str) -> None:
    with pytest.raises(BuildError) as refused:
        parse_manifest(data)
    assert refused.value.reason == "build/manifest-invalid"
    assert detail in refused.value.detail
    assert advice in refused.value.advice


def test_cron_jobs() -> None:
    text = b"[cron.nightly]\nschedule = '0 3 * * *'\ncommand = 'a | b'\noverlap = true\n"
    job = Cron(schedule="0 3 * * *", command="a | b", overlap=True)
    assert parse_manifest(text) == Manifest(cron={"nightly": job})


@pytest.mark.parametrize(
    ("text", "title", "detail"),
    [
        ("[[cron]]\nname = 'x'", "ship.toml has no cron jobs.", "`[cron.nightly]`"),
        ("cron = 1", "ship.toml has no cron jobs.", "`[cron.nightly]`"),
        ("[cron.Nightly]", "The cron job 'Nightly'", "A name is a-z first"),
        ("[cron.a]", "The cron job 'a'", "It has no `schedule`."),
        ("[cron.a]\nschedule = '@daily'", "The cron job 'a'", "It has no `command`."),
        ("[cron.a]\nschedule = '@daily'\ncommand = ' '", "The cron job 'a'", "command is empty"),
        (
            "[cron.a]\nschedule = '@daily'\ncommand = 'x'\nevery = 1",
            "'a'",
            "There is no setting `every`",
        ),
        ("[cron.a]\nschedule = '* * *'\ncommand = 'x'", "'a'", "It has 3 fields"),
        ("[cron.a]\nschedule = '0 25 * * *'\ncommand = 'x'", "'a'", "Its hour is `25`: 25 is not"),
        ("[cron.a]\nschedule = '@daily'\ncommand = 'x'\ntimezone = 'X'", "'a'", "no time zone 'X'"),
    ],
)
def test_cron_jobs_that_cannot_be_meant_are_refused(text: str, title: str, detail: str) -> None:
    with pytest.raises(BuildError) as refused:
        parse_manifest(text.encode())
    assert refused.value.reason == "build/cron-invalid"
    assert title in refused.value.title
    assert detail in refused.value.detail
