"""The systemd host on a real machine: accounts, units, and slots on a held socket."""

import json
import subprocess
import time
from pathlib import Path

from tests.vps.host_vps import (
    BLOG,
    DRIVER,
    GUNICORN,
    PORT,
    PYTHON,
    Vps,
    answer,
    driver_argv,
    inside,
    wsgi,
)


def test_systemd_has_nothing_to_say_against_the_units(vps: Vps) -> None:
    units = (
        "ship-blog.web.socket",
        "ship-blog.web.service",
        "ship-blog.web@a.service",
        "ship-blog.port@b.service",
    )
    done = vps.machine.run(("systemd-analyze", "verify", *units))
    assert (done.stdout, done.stderr) == ("", "")


def test_an_account_is_made_once_and_removed_for_good(vps: Vps) -> None:
    longest = "a" * 27
    for _ in range(2):
        assert vps.host("accounts.create", longest) is None
    entry = vps.machine.run(("getent", "passwd", f"ship-{longest}")).stdout
    assert entry.strip().endswith(f":/var/lib/ship/apps/{longest}:/usr/sbin/nologin")
    for _ in range(2):
        assert vps.host("accounts.remove", longest) is None
    for table in ("passwd", "group"):
        assert vps.machine.run(("getent", table, f"ship-{longest}"), check=False).returncode == 2
    assert vps.host("accounts.owner", longest)["reason"] == "server/account-missing"


def test_no_request_is_lost_in_handovers_and_swaps_in_place(serving: Vps) -> None:
    result = serving.ask("swap_under_load", "blog", PORT, 3, timeout_s=300)
    assert set(result["answers"]) == {"v1", "v2"}, result
    assert sum(result["answers"].values()) > 100
    assert result["longest_s"] < 5


def test_requests_wait_while_no_slot_runs_and_start_none(serving: Vps) -> None:
    serving.host("stop", "blog", "a")
    waiting = subprocess.Popen(
        inside(serving, driver_argv("ask", [PORT, 30])), stdout=subprocess.PIPE, text=True
    )
    time.sleep(1)
    assert waiting.poll() is None
    assert [serving.host("main_pid", "blog", slot) for slot in "ab"] == [None, None]
    serving.host("start", "blog", "a")
    assert json.loads(waiting.communicate(timeout=30)[0]) == "v1"


def test_a_released_socket_refuses_and_can_be_held_again(serving: Vps) -> None:
    serving.host("stop", "blog", "a")
    for _ in range(2):
        assert serving.host("release_socket", "blog") is None
    refused = serving.machine.run(driver_argv("ask", [PORT]), check=False)
    assert "ConnectionRefusedError" in refused.stderr
    for _ in range(2):
        assert serving.host("hold_socket", "blog") is None
    serving.host("start", "blog", "a")
    assert serving.ask("ask", PORT) == "v1"


def test_a_crash_loop_neither_gives_up_nor_closes_the_socket(serving: Vps) -> None:
    serving.ask("make_release", "blog", 9, GUNICORN, {"app.py": "raise RuntimeError('broken')\n"})
    serving.ask("aim_slot", "blog", "a", 9)
    serving.machine.run(("kill", "-KILL", str(serving.host("main_pid", "blog", "a"))))
    count = ("show", "--value", "--property=NRestarts", "ship-blog.web@a.service")
    serving.machine.wait_until(lambda: int(serving.systemctl(*count)) >= 6, "restarts six times")
    assert serving.systemctl("is-active", "ship-blog.web.socket") == "active"
    assert any("broken" in line for line in serving.ask("logged", "blog"))
    serving.ask("aim_slot", "blog", "a", 1)
    assert serving.ask("ask", PORT, 30) == "v1"


def test_a_slot_that_cannot_start_is_an_error_with_its_last_words(serving: Vps) -> None:
    serving.ask("make_release", "blog", 8, GUNICORN, {})
    serving.machine.run(("rm", f"{BLOG}/releases/v8/env.json"))
    serving.ask("aim_slot", "blog", "b", 8)
    error = serving.host("start", "blog", "b")
    assert error["reason"] == "swap/did-not-start"
    assert "env.json cannot be read" in error["detail"]
    assert serving.systemctl("is-active", "ship-blog.web@b.service") == "inactive"


def test_a_command_binds_the_port_of_its_slot(serving: Vps) -> None:
    server = "python3 -m http.server $PORT --bind 127.0.0.1"
    serving.ask(
        "make_release", "blog", 3, {"kind": "command", "command": server}, {"index.html": "plain"}
    )
    serving.ask("aim_slot", "blog", "b", 3)
    serving.host("start", "blog", "b")
    pid = serving.host("main_pid", "blog", "b")
    serving.machine.wait_until(lambda: "plain" in answer(serving, PORT + 2), "answers on port b")
    assert serving.ask("ask", PORT) == "v1"
    serving.host("stop", "blog", "b")
    assert not Path(f"/proc/{serving.machine.init_pid}/root/proc/{pid}").exists()
    assert serving.host("main_pid", "blog", "b") is None


def test_the_log_of_a_slot_is_what_it_wrote(serving: Vps) -> None:
    tree = {"app.py": "print('b was', 'here', flush=True)\n" + wsgi(6)["app.py"]}
    serving.ask("make_release", "blog", 6, GUNICORN, tree)
    serving.ask("aim_slot", "blog", "b", 6)
    serving.host("start", "blog", "b")
    serving.machine.wait_until(lambda: "b was here" in serving.ask("logged", "blog"), "logs")
    assert "b was here" in serving.ask("logged", "blog", "b")
    assert "b was here" not in serving.ask("logged", "blog", "a")


def test_a_log_is_followed_until_the_reader_goes(serving: Vps) -> None:
    following = subprocess.Popen(
        inside(serving, driver_argv("follow", ["blog", "followed"])),
        stdout=subprocess.PIPE,
        text=True,
    )
    tree = {"app.py": "print('followed', flush=True)\n" + wsgi(7)["app.py"]}
    serving.ask("make_release", "blog", 7, GUNICORN, tree)
    serving.ask("aim_slot", "blog", "b", 7)
    serving.host("start", "blog", "b")
    assert json.loads(following.communicate(timeout=30)[0]) == "followed"
    assert not [each for each in serving.machine.processes() if "--follow" in each.command]


def test_a_run_folder_is_the_slots_own_and_gone_when_it_stops(serving: Vps) -> None:
    listing = serving.machine.run(("stat", "-c", "%U %a", "/run/ship/apps/blog/web.a"))
    assert listing.stdout.split() == ["ship-blog", "700"]
    assert serving.machine.run(("ls", "/run/ship/apps/blog/web.a/ready")).stdout.split()
    serving.host("stop", "blog", "a")
    gone = serving.machine.run(("test", "-e", "/run/ship/apps/blog/web.a"), check=False)
    assert gone.returncode == 1


def test_a_running_slot_sees_and_writes_a_release_made_later(serving: Vps) -> None:
    writes = "import pathlib; pathlib.Path(__file__).with_name('db').write_text('kept')\n"
    tree = {"app.py": writes + wsgi(4)["app.py"]}
    serving.ask("make_release", "blog", 4, GUNICORN, tree)
    serving.ask("aim_slot", "blog", "a", 4)
    serving.host("reload", "blog", "a")
    serving.ask("until_answered", PORT, "v4")
    assert serving.machine.read(f"{BLOG}/releases/v4/source/db") == "kept"


def test_the_boot_brings_back_the_enabled_slot_and_no_other(serving: Vps) -> None:
    serving.ask("aim_slot", "blog", "b", 2)
    serving.host("enable", "blog", "a")
    serving.host("enable", "blog", "b")
    serving.machine.reboot()
    serving.machine.wait_until(lambda: answer(serving, PORT) == "v2", "serves v2")
    assert serving.host("main_pid", "blog", "a") is None
    serving.host("enable", "blog", None)
    serving.machine.reboot()
    assert serving.host("main_pid", "blog", "b") is None
    assert serving.systemctl("is-active", "ship-blog.web.socket") == "active"


def test_recovery_at_boot_may_start_a_slot_without_waiting_for_itself(serving: Vps) -> None:
    unit = "/etc/systemd/system/ship-recover.service"
    link = "/etc/systemd/system/multi-user.target.wants/ship-recover.service"
    asks = f'ExecStart={PYTHON} {DRIVER} call \'["start", "blog", "b"]\''
    serving.ask("aim_slot", "blog", "b", 2)
    serving.host("enable", "blog", "a")
    serving.machine.write(unit, f"[Service]\nType=oneshot\nTimeoutStartSec=20\n{asks}\n")
    serving.machine.run(("ln", "-s", unit, link))
    serving.machine.reboot()
    result = serving.systemctl("show", "--value", "--property=Result", "ship-recover.service")
    serving.machine.run(("rm", link, unit))
    assert result == "success"
    for slot in "ab":
        serving.machine.wait_until(lambda slot=slot: serving.host("main_pid", "blog", slot), "runs")  # type: ignore[misc] # bound now
    serving.host("enable", "blog", None)
    serving.machine.run(("systemctl", "daemon-reload"))


def test_going_over_to_the_other_kind_of_slot_leaves_one_enabled(serving: Vps) -> None:
    serving.ask("make_release", "blog", 3, {"kind": "command", "command": "sleep 1"}, {})
    serving.host("enable", "blog", "a")
    serving.ask("aim_slot", "blog", "b", 3)
    serving.host("enable", "blog", "b")
    assert serving.systemctl("is-enabled", "ship-blog.port@b.service") == "enabled"
    links = "ls /etc/systemd/system/multi-user.target.wants | grep ship-"
    assert serving.machine.run(links).stdout.split() == ["ship-blog.port@b.service"]
    serving.host("enable", "blog", None)
    assert serving.machine.run(links, check=False).stdout == ""
