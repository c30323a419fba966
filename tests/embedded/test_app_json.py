"""app.json, the whole way: what it has run, what it sets at the first deploy, and what of it a
failure leaves."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from receiver.apps.unfinished import recover_all
from receiver.deploy import detached
from receiver.processes import look as processes
from receiver.state import records
from tests.checkout import Pushed
from tests.embedded.embedded_server import EmbeddedServer, wait_until
from tests.embedded.noting_site import NotingSite
from tests.embedded.pushing import archive
from tests.embedded.transcript import assert_as_recorded, masked

pytestmark = pytest.mark.embedded
ROOT = Path(__file__).parents[2]
UV = r"(?m)^       (Resolved|Prepared|Installed|Bytecode| \+).*\n"
"""Lines of uv's, which tell how long it took."""

TELLS = """
import os

def app(environ, start_response):
    name = environ["PATH_INFO"].strip("/") or "made"
    body = (open(name).read() if os.path.exists(name) else os.environ.get(name, "nothing")).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
NOTE = 'echo {name} >>"$SHIP_STORAGE/ran"'


def files(declared: Mapping[str, object], **more: str) -> dict[str, str]:
    """A tree; `ship_toml` in `more` is the file ship.toml."""
    named = {name.replace("_", "."): text for name, text in more.items()}
    return {"app.py": TELLS, "requirements.txt": "", "app.json": json.dumps(declared), **named}


def note(name: str) -> str:
    return NOTE.replace("{name}", name)


class Site(NotingSite):
    """Its scripts are what notes."""

    def push(self, declared: Mapping[str, object], **more: str) -> Pushed:
        return self.push_files(files(declared, **more))

    def deploy(self, declared: Mapping[str, object], **more: str) -> str:
        pushed = self.push(declared, **more)
        assert pushed.status == 0, pushed.text
        return "\n".join(pushed.lines)


def deploy_and_kill(site: Site, point: str) -> subprocess.CompletedProcess[str]:
    """Deploy what is committed in a process that kills itself at this point."""
    target = site.server.folder / f"{site.app}.tar"
    archive(site.laptop.folder, target)
    return subprocess.run(
        (
            sys.executable,
            str(Path(__file__).with_name("kill_driver.py")),
            "deploy",
            str(site.server.root),
            str(site.app),
            str(target),
            point,
        ),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.fixture
def site(server: EmbeddedServer, request: pytest.FixtureRequest) -> Site:
    return Site.of(server, request)


def test_a_first_push_tells_all_that_it_did(site: Site) -> None:
    declared = {
        "name": "Blog",
        "stack": "heroku-24",
        "env": {
            "SECRET_KEY": {"generator": "secret"},
            "MODE": "careful",
            "DSN": {"required": False},
        },
        "formation": {"web": {"quantity": 1}, "worker": {"quantity": 1}, "rq": {"quantity": 2}},
        "scripts": {"dokku": {"predeploy": "echo packing"}, "postdeploy": "echo seeding; exit 3"},
        "healthchecks": {
            "web": [{"type": "startup", "path": "/health"}, {"type": "liveness", "path": "/live"}]
        },
    }
    procfile = "web: gunicorn app:app\nworker: sleep 1000\nrelease: echo migrating\n"
    said = site.deploy(declared, Procfile=procfile)
    own = re.sub(UV, "", said[said.index("-----> Receiving") :]).replace(site.app, "APP")
    shown = masked(site.server, own.replace(f":{site.server.port}", ""))
    assert_as_recorded("app-json-first-push", shown + "\n")


def test_scripts_run_around_the_release_phase_each_under_its_own_head(site: Site) -> None:
    scripts = {
        "predeploy": note("predeploy"),
        "postdeploy": note("first"),
        "dokku": {"postdeploy": f"{note('after')}; echo $SHIP_APP is out"},
    }
    procfile = f"web: gunicorn app:app\nrelease: {note('release')}\n"
    said = site.deploy({"scripts": scripts}, Procfile=procfile)
    assert site.ran == ["predeploy", "release", "after", "first"]
    heads = [
        "Running the predeploy",
        "Running the release",
        "Swapping",
        "Running the postdeploy",
        "v1 is live",
    ]
    assert sorted(heads, key=said.index) == heads
    assert f"       {site.app} is out" in said
    site.deploy({"scripts": scripts}, Procfile=procfile + "# again\n")
    assert site.ran[4:] == ["predeploy", "release", "after"]
    site.server.configure(site.app, GREETING="hi")
    site.server.rollback(site.app)
    assert site.ran[7:] == []


def test_what_a_predeploy_script_makes_is_part_of_the_release(site: Site) -> None:
    site.server.configure(site.app, GREETING="hello")
    site.deploy(
        {
            "scripts": {
                "dokku": {
                    "predeploy": (
                        'python -c "import sys; print(sys.prefix)" >made; echo $GREETING >words'
                    )
                }
            }
        }
    )
    release = records.read_release(site.server.paths(site.app), 1)
    assert site.ask() == (200, f"{release.venv}\n")
    site.deploy({})
    assert site.ask() == (200, "nothing")
    site.server.rollback(site.app)
    assert site.ask("/words") == (200, "hello\n")


def test_a_postdeploy_script_that_fails_is_told_and_the_release_stays(site: Site) -> None:
    said = site.deploy({"scripts": {"postdeploy": "echo no seeds && exit 3"}})
    assert "The postdeploy script failed. It ended with exit status 3." in said
    assert "ship run -- sh -c 'echo no seeds && exit 3'" in said
    assert site.ask() == (200, "nothing")
    release = records.read_release(site.server.paths(site.app), 1)
    assert release.postdeploy == "The postdeploy script failed. It ended with exit status 3."
    assert site.server.leftovers(site.app) == []
    site.server.configure(site.app, GREETING="hi")
    assert records.read_release(site.server.paths(site.app), 2).postdeploy is None


def test_a_postdeploy_script_has_the_limit_of_the_release_phase(site: Site) -> None:
    scripts = {"dokku": {"postdeploy": "exec sleep 60"}}
    said = site.deploy({"scripts": scripts}, ship_toml="[release]\nlimit_s = 1\n")
    assert "The postdeploy script failed. It took longer than 1 s." in said
    assert site.server.live(site.app) == 1


def test_who_stops_a_postdeploy_script_does_not_undo_the_release(site: Site) -> None:
    waits = f"{note('begun')}; exec sleep 60"
    site.laptop.commit(files({"scripts": {"postdeploy": waits}}))
    pushing = site.laptop.start_push()
    wait_until((site.server.paths(site.app).storage / "ran").exists, 60)
    assert detached.cancel(site.server.server, site.app) is not None
    said, _ = pushing.communicate(timeout=60)
    assert pushing.returncode == 0, said
    assert "The postdeploy script failed. The build was stopped" in said
    assert site.ask() == (200, "nothing")


def test_config_vars_and_secrets_are_set_at_the_first_deploy_alone(site: Site) -> None:
    site.server.configure(site.app, MINE="by hand")
    env = {
        "SECRET_KEY": {"generator": "secret"},
        "MODE": "careful",
        "MINE": "of the file",
        "DSN": {"required": False},
    }
    said = site.deploy({"env": env})
    secret = site.config["SECRET_KEY"]
    assert re.fullmatch("[0-9a-f]{64}", secret)
    assert site.config == {"SECRET_KEY": secret, "MODE": "careful", "MINE": "by hand"}
    assert site.ask("/SECRET_KEY") == (200, secret)
    assert "       SECRET_KEY: a new secret\n       MODE: the value given there\n" in said
    assert secret not in said
    assert "careful" not in said
    said = site.deploy({"env": {**env, "LATER": "1"}})
    assert "LATER is not set" in said
    assert site.config == {"SECRET_KEY": secret, "MODE": "careful", "MINE": "by hand"}


def test_a_first_deploy_that_fails_leaves_no_config_var(site: Site) -> None:
    env = {"SECRET_KEY": {"generator": "secret"}}
    failed = site.push(
        {"env": env}, Procfile="web: gunicorn app:app\nrelease: echo $SECRET_KEY; exit 1\n"
    )
    assert failed.status == 1
    assert "       [hidden]" in failed.lines
    assert site.config == {}
    assert not site.server.paths(site.app).config.exists()
    assert site.server.leftovers(site.app) == []
    site.deploy({"env": env}, Procfile="web: gunicorn app:app\n")
    assert set(site.config) == {"SECRET_KEY"}


@pytest.mark.parametrize("point", ["after WriteFile", "predeploy done", "before WriteFile 2"])
def test_a_first_deploy_that_is_killed_leaves_nothing(site: Site, point: str) -> None:
    site.laptop.commit(
        files(
            {
                "env": {"SECRET_KEY": {"generator": "secret"}},
                "scripts": {"predeploy": "echo x >made"},
            }
        )
    )
    assert deploy_and_kill(site, point).returncode == -9
    assert set(site.config) == {"SECRET_KEY"}
    assert recover_all(site.server.server) == [site.app]
    assert not site.server.paths(site.app).config.exists()
    assert (site.server.live(site.app), site.server.leftovers(site.app)) == (None, [])


def test_a_deploy_that_is_killed_when_it_stands_keeps_what_it_set(site: Site) -> None:
    scripts = {"postdeploy": note("first")}
    site.laptop.commit(files({"env": {"SECRET_KEY": {"generator": "secret"}}, "scripts": scripts}))
    assert deploy_and_kill(site, "finalized").returncode == -9
    assert recover_all(site.server.server) == []
    assert set(site.config) == {"SECRET_KEY"}
    assert site.ask() == (200, "nothing")
    site.deploy({"scripts": scripts})
    assert not (site.server.paths(site.app).storage / "ran").exists()


def test_a_required_config_var_is_asked_for_before_anything_is_built(site: Site) -> None:
    declared = {
        "env": {"API_KEY": {"description": "Of the bank."}, "SECRET_KEY": {"generator": "secret"}}
    }
    refused = site.push(declared)
    assert refused.status == 1
    assert "(build/config-var-required)" in refused.text
    assert "`ship config:set API_KEY=...`" in refused.text
    assert "Installing" not in refused.text
    assert site.config == {}
    site.server.configure(site.app, API_KEY="1")
    site.deploy(declared)
    assert set(site.config) == {"API_KEY", "SECRET_KEY"}


def test_a_formation_counts_at_the_first_deploy_alone(site: Site) -> None:
    procfile = "web: gunicorn app:app\nworker: sleep 1000\nclock: sleep 1000\n"
    declared = {
        "formation": {"web": {"quantity": 3}, "worker": {"quantity": 2}, "clock": {"quantity": 1}}
    }
    failed = site.push(declared, Procfile=procfile + "release: exit 1\n")
    assert failed.status == 1
    assert not site.server.paths(site.app).scale.exists()
    said = site.deploy(declared, Procfile=procfile)
    assert "Now of v1: worker=2 clock=1." in said
    scale = {"web": 3, "worker": 2, "clock": 1}
    assert processes.look(site.server.server, site.app).scale == scale
    site.deploy(
        {"formation": {"web": {"quantity": 1}, "worker": {"quantity": 1}}}, Procfile=procfile
    )
    assert processes.look(site.server.server, site.app).scale == scale


def test_a_health_check_is_what_the_release_has_to_pass(site: Site) -> None:
    checks = {"web": [{"type": "startup", "path": "/health"}]}
    site.deploy({"healthchecks": checks})
    assert records.read_release(site.server.paths(site.app), 1).check.path == "/health"


def test_what_is_of_no_use_is_named_and_files_of_other_tools_are_left_alone(site: Site) -> None:
    others = {"heroku_yml": "build: [", "Procfile_dev": "no colon here"}
    said = site.deploy({"name": "blog", "stack": "heroku-24", "addons": []}, **others)
    assert "app.json: addons, stack is of no use here." in said
