"""`ship doctor` on a real server: each fault is planted, named, mended, and gone; what is not
ship's is told and left."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.vps.doctor_faults import HOME, REPAIRED, TOLD, Fault, Trouble
from tests.vps.inside import Completed
from tests.vps.laptop import Laptop
from tests.vps.machine import Machine
from tests.vps.ship_server import DOMAIN, ShipServer, Site

EXIT_FINDINGS = 12
ADDRESS = f"ill.{DOMAIN}"


@pytest.fixture(scope="module")
def machine(machine_factory: Callable[..., Machine], installed_tree: Path) -> Machine:
    """A server of this module's own."""
    return machine_factory("vps", installed_tree)


@pytest.fixture(scope="module")
def ill(machine: Machine, laptop: Laptop, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """An app with a worker, a cron job and a config var."""
    server = ShipServer.on(machine, laptop, tmp_path_factory.mktemp("sites"))
    site = server.site("ill")
    worker = "worker: python -c 'import time; time.sleep(99999)'\n"
    site.publish(
        "well",
        {
            "Procfile": f"web: gunicorn app:app\n{worker}",
            "ship.toml": "[cron.tick]\nschedule = '0 0 1 1 *'\ncommand = 'true'\n",
        },
    )
    site.ship("ps:scale worker=1")
    site.ship("config:set PASSWORD=correct-horse")
    return site


def doctor(site: Site, *options: str) -> Completed:
    return site.server.machine.run(
        ("/opt/ship/bin/ship", "doctor", *options), check=False, timeout_s=300
    )


def findings(done: Completed) -> dict[str, str]:
    """What doctor told in JSON: by name, all its words."""
    found: dict[str, str] = {}
    for each in json.loads(done.stdout)["findings"]:
        words = [each["title"], *each["seen"], each["means"], each["advice"] or ""]
        found[each["name"]] = found.get(each["name"], "") + "\n".join(words)
    return found


def answers(site: Site) -> bool:
    try:
        return site.server.ask(ADDRESS, timeout_s=4) == (200, "well")
    except OSError:
        return False


def test_a_healthy_server_has_no_findings(ill: Site) -> None:
    done = doctor(ill, "--json")
    # requests of visitors that failed in another test are still told
    assert findings(done).keys() <= {"web.failed-lately"}
    assert done.returncode == 0


def test_over_ssh_an_admin_who_names_no_app_sees_the_server(ill: Site) -> None:
    told = json.loads(ill.server.ship("doctor --json").stdout)
    assert told["looked_at"] == ["ill"]


@pytest.mark.parametrize("fault", REPAIRED, ids=lambda fault: fault.name)
def test_a_fault_is_named_and_mended(ill: Site, fault: Fault) -> None:
    ill.server.root(fault.plant)
    assert answers(ill) != fault.takes_site_down
    seen = doctor(ill, "--json")
    assert fault.words in findings(seen)[fault.finding]
    assert seen.returncode == EXIT_FINDINGS
    mended = doctor(ill, "--fix")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    after = doctor(ill, "--json")
    assert after.returncode == 0, after.stdout
    assert fault.finding not in findings(after)
    assert ill.page() == "well"


@pytest.mark.parametrize("trouble", TOLD, ids=lambda trouble: trouble.name)
def test_what_is_not_ships_is_told_and_left_until_its_advice_is_followed(
    ill: Site, trouble: Trouble
) -> None:
    ill.server.root(trouble.plant)
    seen, mended = doctor(ill, "--json"), doctor(ill, "--fix")
    told = findings(seen)[trouble.finding]
    assert trouble.words in told
    assert trouble.advice in told
    assert trouble.words in mended.stdout
    code = 0 if trouble.note_only else EXIT_FINDINGS
    assert (seen.returncode, mended.returncode) == (code, code)
    ill.server.root(f"cd /root; set -e; {trouble.by_hand or typed(trouble.advice)}")
    after = doctor(ill, "--json")
    assert trouble.finding not in findings(after), after.stdout
    assert after.returncode == 0, after.stdout
    ill.server.root(trouble.afterwards or "true")
    assert doctor(ill).returncode == 0
    assert ill.page() == "well"


def typed(advice: str) -> str:
    """The commands that an advice names, one after the other."""
    return "; ".join(re.findall(r"`([^`]+)`", advice))


def test_what_somebody_wrote_into_a_file_of_ships_is_kept(ill: Site) -> None:
    path = "/etc/nginx/sites-available/ship-ill.conf"
    ill.server.root(f"echo '# my own line' >> {path}")
    mended = doctor(ill, "--fix")
    kept = mended.stderr.partition("kept: ")[2].split()[0]
    assert "# my own line" in ill.server.machine.read(kept)
    assert "# my own line" not in ill.server.machine.read(path)
    assert ill.server.root(f"stat -c '%U %a' {kept} {Path(kept).parent}") == "root 600\nroot 700"


def test_a_502_is_explained_by_the_apps_own_error(ill: Site) -> None:
    source = f"{HOME}/current/source/app.py"
    ill.server.root(f"cp -p {source} /root/app.py; sed -i '1i import flaskk' {source}")
    ill.server.root("systemctl restart --no-block 'ship-ill.web@*'; sleep 3")
    told = ill.ship("doctor", check=False)
    mended = doctor(ill, "--fix")
    ill.server.root(f"cp -p /root/app.py {source}; sleep 3")
    assert told.returncode == mended.returncode == EXIT_FINDINGS
    for said in (told.stdout, mended.stdout):
        assert "the app imports flaskk, which is not installed" in said
        assert "ModuleNotFoundError: No module named 'flaskk'" in said
    assert doctor(ill, "--fix").returncode == 0
    assert ill.page() == "well"


def test_an_app_that_hangs_is_replaced(ill: Site) -> None:
    source = f"{HOME}/current/source/app.py"
    hangs = "s/    path = environ/    import time; time.sleep(600)\\n    path = environ/"
    ill.server.root(f"cp -p {source} /root/app.py; sed -i '{hangs}' {source}")
    ill.server.root("systemctl kill --signal=HUP --kill-whom=main 'ship-ill.web@*'; sleep 3")
    told = ill.ship("doctor", check=False)
    ill.server.root(f"cp -p /root/app.py {source}")
    assert "it runs, and does not answer" in told.stdout
    assert "Asked past nginx" in told.stdout
    assert doctor(ill, "--fix").returncode == 0
    assert ill.page() == "well"


def test_values_of_config_vars_are_not_shown(ill: Site) -> None:
    source = f"{HOME}/current/source/app.py"
    ill.server.root(f"cp -p {source} /root/app.py")
    ill.server.root(f"sed -i '1i import os; raise RuntimeError(os.environ[\"PASSWORD\"])' {source}")
    ill.server.root("systemctl restart --no-block 'ship-ill.web@*'; sleep 3")
    told = doctor(ill)
    ill.server.root(f"cp -p /root/app.py {source}; sleep 3")
    assert "RuntimeError" in told.stdout
    assert "correct-horse" not in told.stdout
    assert doctor(ill, "--fix").returncode == 0


def test_an_app_that_is_being_deployed_is_left_out(ill: Site) -> None:
    lock = f"{HOME}/lock"
    hold = f"echo -n 'deploy of 1a2b3c4 by laptop (process 1)' > {lock}; flock {lock} sleep 8"
    ill.server.root(f'systemd-run --quiet sh -c "{hold}"; sleep 1; rm {HOME}/current')
    told = doctor(ill)
    mended = doctor(ill, "--fix")
    there = ill.server.root(f"test -L {HOME}/current && echo there || true")
    ill.server.root(f"flock {lock} truncate -s 0 {lock}")
    assert "ill was left out: the deploy of 1a2b3c4 by laptop" in told.stdout
    assert (told.returncode, mended.returncode, there) == (0, 0, "")
    assert doctor(ill, "--fix").returncode == 0


def test_pushing_still_works_after_all_of_it(ill: Site) -> None:
    ill.publish("well again")
    assert ill.page() == "well again"
    ill.publish("well")
