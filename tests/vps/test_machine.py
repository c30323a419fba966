"""The test machine itself: a real systemd, reachable from outside, gone without a trace."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.vps import claims, trees
from tests.vps.conftest import MachineFactory
from tests.vps.inside import CommandFailedInsideError
from tests.vps.laptop import Laptop
from tests.vps.machine import Machine, sweep
from tests.vps.network import Network

SANDBOXED = """
[Service]
Type=oneshot
RemainAfterExit=yes
User=tenant
ProtectSystem=strict
PrivateTmp=yes
NoNewPrivileges=yes
ExecStart=/bin/sh -c 'id -un; touch /tmp/private; touch /etc/outside; true'
"""
ONE_ANSWER = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(sys.argv[1].encode())
http.server.HTTPServer(("", 80), Answer).serve_forever()
"""
BOOT_AND_DIE = """
import os, signal, sys
from pathlib import Path
from tests.vps.machine import Machine
machine = Machine.boot(Path(sys.argv[1]), "orphan")
print(machine.root, machine.init_pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_every_unit_of_a_fresh_machine_is_up(machine: Machine) -> None:
    assert machine.run(("systemctl", "is-system-running")).stdout.strip() == "running"


def test_a_unit_is_shut_in_as_its_settings_say(machine: Machine) -> None:
    machine.run(("useradd", "--system", "tenant"))
    machine.write("/etc/systemd/system/shut-in.service", SANDBOXED)
    machine.run(("systemctl", "daemon-reload"))
    machine.run(("systemctl", "start", "shut-in"))
    journal = machine.run(("journalctl", "-o", "cat", "-u", "shut-in")).stdout
    assert "tenant" in journal
    assert "cannot touch '/etc/outside': Read-only file system" in journal
    assert machine.run(("test", "-e", "/tmp/private"), check=False).returncode == 1


def test_only_a_trusted_key_logs_in(machine: Machine, laptop: Laptop) -> None:
    assert laptop.ssh("root@vps", ("hostname",)).stdout.strip() == machine.name
    stranger = laptop.key("stranger")
    refused = laptop.ssh(f"root@{machine.address}", "true", key=stranger, check=False)
    assert refused.returncode == 255
    assert "Permission denied" in refused.stderr


def test_git_pushes_over_ssh_from_outside(machine: Machine, laptop: Laptop, tmp_path: Path) -> None:
    machine.run(("apt-get", "install", "-q", "-y", "git"), timeout_s=300)
    machine.run(("git", "init", "-q", "--bare", "/srv/blog.git"))

    def git(*words: str) -> None:
        who = ("-c", "user.name=A Person", "-c", "user.email=person@example.com")
        argv = ("git", "-C", str(tmp_path), *who, *words)
        subprocess.run(
            argv, env=laptop.git_environment(), check=True, capture_output=True, timeout=60
        )

    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "First")
    git("push", "-q", "ssh://root@vps/srv/blog.git", "main")
    assert machine.run("git -C /srv/blog.git log --format=%s main").stdout.strip() == "First"


def test_python_packages_come_in_by_pip_and_by_uv(machine: Machine) -> None:
    machine.run(("python3", "-m", "venv", "/root/by-pip"))
    machine.run(("/root/by-pip/bin/pip", "install", "-q", "uv", "flask"), timeout_s=300)
    machine.run(("/root/by-pip/bin/uv", "venv", "-q", "/root/by-uv"))
    uv_install = "/root/by-pip/bin/uv pip install -q --python /root/by-uv/bin/python flask"
    machine.run(uv_install, timeout_s=300)
    machine.run(("/root/by-uv/bin/python", "-c", "import flask"))


def test_what_run_gives_back(machine: Machine) -> None:
    done = machine.run("cat; echo oops >&2; exit 3", check=False, input="héllo\n")
    assert (done.returncode, done.stdout, done.stderr) == (3, "héllo\n", "oops\n")
    assert machine.run(("id", "-un"), user="daemon").stdout.strip() == "daemon"
    with pytest.raises(CommandFailedInsideError, match=r"(?s)ended with 3.*oops"):
        machine.run("echo oops >&2; exit 3")
    with pytest.raises(subprocess.TimeoutExpired):
        machine.run(("sleep", "4711"), timeout_s=0.5)
    assert not [process for process in machine.processes() if "4711" in process.command]


def test_files_and_folders_go_in_and_come_out(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "folder/below").mkdir(parents=True)
    (tmp_path / "folder/below/file").write_text("text\n")
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\necho ran\n")
    script.chmod(0o755)
    machine.copy_in(tmp_path / "folder", "/srv/copied")
    machine.copy_in(script, "/tmp/place/script")  # /tmp inside is not on the disk
    machine.write("/etc/written", "also text\n")
    assert machine.read("/srv/copied/below/file") == "text\n"
    assert machine.run(("/tmp/place/script",)).stdout == "ran\n"
    assert machine.read("/etc/written") == "also text\n"


def test_memory_of_a_process_is_measured(machine: Machine) -> None:
    (init,) = (each for each in machine.processes() if each.pid == machine.init_pid)
    assert init.command.endswith("systemd") or "/sbin/init" in init.command
    assert 1 << 20 < init.pss_bytes < 100 << 20


@pytest.mark.parametrize("end", ["reboot", "power_off", "cut_power"])
def test_the_disk_outlives_the_end_of_a_boot(machine: Machine, laptop: Laptop, end: str) -> None:
    machine.write("/var/lib/kept", end)
    machine.run(("touch", "/run/forgotten"))
    before = machine.init_pid
    getattr(machine, end)()
    if end != "reboot":
        assert machine.read("/var/lib/kept") == end  # also while it is off
        machine.boot_again()
    assert machine.init_pid != before
    assert machine.read("/var/lib/kept") == end
    assert machine.run(("test", "-e", "/run/forgotten"), check=False).returncode == 1
    assert laptop.ssh("root@vps", ("hostname",)).stdout.strip() == machine.name


def test_two_machines_answer_on_the_same_port(
    machine: Machine, machine_factory: MachineFactory
) -> None:
    other = machine_factory("other", trees.fresh())
    for each in (machine, other):
        each.write("/root/answer.py", ONE_ANSWER)
        each.run(("systemd-run", "--unit=answer", "python3", "/root/answer.py", each.name))
    for each in (machine, other):
        each.wait_until(partial(_answers_with_its_name, each), "answers with its own name")
    machine.run(("systemctl", "stop", "answer"), timeout_s=10)
    assert not _answers_with_its_name(machine)
    assert _answers_with_its_name(other)
    groups = {_control_group(each) for each in (machine, other)}
    assert len(groups) == 2, "a unit of the same name would share its control group"
    seen_by_other = other.run(("ssh-keyscan", "-t", "ed25519", machine.address)).stdout
    assert machine.read("/etc/ssh/ssh_host_ed25519_key.pub").split()[1] in seen_by_other


@pytest.fixture
def orphan(warm_tree: Path) -> Iterator[tuple[Path, int]]:
    """Disk and init of a machine whose test run was killed."""
    argv = (sys.executable, "-c", BOOT_AND_DIE, str(warm_tree))
    died = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert died.stdout, died.stderr
    root, pid = died.stdout.split()
    yield Path(root), int(pid)
    sweep()


def test_nothing_is_left_of_a_stopped_machine(warm_tree: Path) -> None:
    with Machine.boot(warm_tree, "short") as machine:
        root, pid = machine.root, machine.init_pid
        assert set(_traces(root, pid)) == {
            "process",
            "mount",
            "disk",
            "namespace",
            "link",
            "rule",
            "group",
        }
    assert _traces(root, pid) == []


def test_the_next_run_clears_what_a_killed_run_left(orphan: tuple[Path, int]) -> None:
    root, pid = orphan
    assert "process" in _traces(root, pid)
    sweep()
    assert _traces(root, pid) == []


def test_a_sweep_leaves_living_machines_alone(machine: Machine) -> None:
    sweep()
    assert machine.run(("true",)).returncode == 0
    assert claims.any_left()


def _answers_with_its_name(machine: Machine) -> bool:
    argv = ("curl", "-s", "--max-time", "2", f"http://{machine.address}/")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout == machine.name


def _control_group(machine: Machine) -> str:
    lines = Path(f"/proc/{machine.init_pid}/cgroup").read_text().splitlines()
    return next(line for line in lines if line.startswith("0::"))


def _traces(root: Path, pid: int) -> list[str]:
    network = Network(int(root.parent.name))
    rules = _output("iptables-save")
    seen = {
        "process": Path(f"/proc/{pid}").exists(),
        "mount": str(root) in Path("/proc/self/mounts").read_text(),
        "disk": root.parent.exists(),
        "namespace": network.namespace in _output("ip", "netns").split(),
        "group": network.namespace
        in _output("find", "/sys/fs/cgroup", "-name", "ship-test-*", "-printf", "%f\n").split(),
        "link": Path(f"/sys/class/net/{network.link}").exists(),
        "rule": f"{network.link} " in rules or f"{network.address}/32" in rules,
    }
    return [trace for trace, there in seen.items() if there]


def _output(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
