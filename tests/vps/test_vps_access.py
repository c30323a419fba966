"""What an installed server lets in: names that no app has, the account ship, keys without a
shell."""

import subprocess

import pytest

from receiver.model.errors import EXIT_CODES
from tests.vps.pages import page
from tests.vps.ship_server import ShipServer, install

REMOVE_BUT_STORAGE = """
from receiver.apps import lifecycle
from receiver.model.names import AppName
from receiver.server import open_server
lifecycle.destroy(open_server(None), AppName("keeper"), keep_storage=True)
"""


def test_a_name_that_no_app_has_is_answered_neutrally(ship_server: ShipServer) -> None:
    site = ship_server.site("neutral")
    site.commit(page("the page of neutral"))
    assert site.push().status == 0
    for host in ("nobody.example.com", "example.com", ship_server.machine.address, "x"):
        status, text = ship_server.ask(host)
        assert (status, text.strip()) == (404, "There is nothing here.")


def test_the_account_ship_may_run_ship_as_root_and_nothing_else(ship_server: ShipServer) -> None:
    machine = ship_server.machine
    allowed = machine.run(("sudo", "-n", "-l"), user="ship").stdout
    rules = [line.strip() for line in allowed.splitlines() if "NOPASSWD" in line]
    assert rules == ["(root) NOPASSWD: /opt/ship/bin/ship, /opt/ship/bin/ship-deploy"]
    for argv in (
        ("id",),
        ("/opt/ship/bin/python", "-c", "1"),
        ("-u", "nobody", "/opt/ship/bin/ship"),
    ):
        refused = machine.run(("sudo", "-n", *argv), user="ship", check=False)
        assert refused.returncode == 1, argv
        assert "a password is required" in refused.stderr
    assert machine.run(("visudo", "-c"), check=False).returncode == 0


def test_a_key_opens_no_shell_and_no_way_through(ship_server: ShipServer) -> None:
    greeted = ship_server.ship("")
    assert "Hello laptop. This is a ship server." in greeted.stderr
    for line in ("bash -i", "sh -c id", "git-upload-archive blog", "scp -t /tmp", "git-shell"):
        refused = ship_server.ship(line, check=False)
        assert refused.returncode != 0, line
        assert (refused.stdout, "uid=" in refused.stderr) == ("", False)
    assert (
        "The command git-upload-archive is not served here."
        in ship_server.ship("git-upload-archive blog", check=False).stderr
    )
    through = subprocess.run(
        (*ship_server.laptop.ssh_argv(), "-W", "127.0.0.1:80", "ship@vps"),
        input=b"GET / HTTP/1.0\r\n\r\n",
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (through.returncode != 0, through.stdout) == (True, b"")
    sftp = subprocess.run(
        (*ship_server.laptop.ssh_argv(), "-s", "ship@vps", "sftp"),
        capture_output=True,
        input=b"",
        check=False,
        timeout=30,
    )
    assert sftp.returncode != 0


def test_keys_of_other_accounts_work_as_before(ship_server: ShipServer) -> None:
    assert ship_server.laptop.ssh("root@vps", "id -un").stdout == "root\n"
    stranger = ship_server.laptop.key("stranger")
    refused = ship_server.ship("apps", key=stranger, check=False)
    assert (refused.returncode, "Permission denied" in refused.stderr) == (255, True)


def test_an_install_over_a_broken_nginx_leaves_its_files_alone_and_can_be_repeated(
    ship_server: ShipServer,
) -> None:
    link, broken = "/etc/nginx/sites-enabled/00-ship.conf", "/etc/nginx/conf.d/somebody.conf"
    ship_server.root(f"rm {link}; echo 'nonsense;' > {broken}")
    try:
        refused = install(ship_server.machine, check=False)
        left = ship_server.root(f"ls {link} 2>/dev/null || true")
    finally:
        ship_server.root(("rm", broken))
    assert (refused.returncode, left) == (8, "")
    assert f"{broken}, line 1" in refused.stderr
    repeated = install(ship_server.machine)
    assert f"       link {link}\n" in repeated.stdout
    assert ship_server.ask("nobody.example.com")[1].strip() == "There is nothing here."


def test_storage_that_a_removal_left_belongs_to_the_next_app_of_that_name(
    ship_server: ShipServer,
) -> None:
    site = ship_server.site("keeper")
    site.publish("first life")
    home = "/var/lib/ship/apps/keeper"
    site.ship(
        f"run -- sh -c 'mkdir {home}/storage/below; echo precious > {home}/storage/below/file'"
    )
    ship_server.root(("/opt/ship/bin/python", "-c", REMOVE_BUT_STORAGE))
    ship_server.root("useradd --system ship-taker")  # so that the number of the account is taken
    assert ship_server.root(f"find {home} -type f") == f"{home}/storage/below/file"
    ship_server.root("echo 'nonsense;' > /etc/nginx/conf.d/somebody.conf")
    refused = ship_server.ship("apps:create keeper", check=False)
    ship_server.root("rm /etc/nginx/conf.d/somebody.conf")
    assert (refused.returncode, "somebody.conf, line 1" in refused.stderr) == (8, True)
    assert ship_server.root(f"find {home} -type f") == f"{home}/storage/below/file"
    again = ship_server.site("keeper")
    again.publish("second life")
    seen = again.ship(
        f"run -- sh -c 'cat {home}/storage/below/file; touch {home}/storage/below/new'"
    )
    assert (seen.stdout, again.page()) == ("precious\n", "second life")
    ship_server.root("userdel ship-taker")


def test_a_client_that_says_nothing_is_let_go_and_limits_of_the_server_count(
    ship_server: ShipServer,
) -> None:
    site = ship_server.site("taciturn")
    site.commit(page("one of several files"))
    settings = "/etc/ship/ship.toml"
    ship_server.root(f"cp {settings} /root/ship.toml.before")
    ship_server.root(f"sed -i '1i quiet_limit_s = 2\\nmax_tree_files = 1' {settings}")
    try:
        refused = site.push()
        assert "(build/too-many-files)" in refused.text
        assert "max_tree_files" in refused.text
        for service, said in (("git-receive-pack", b"00"), ("git-upload-pack", b"0032want")):
            argv = (*ship_server.laptop.ssh_argv(), "ship@vps", f"{service} taciturn")
            with subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            ) as client:
                assert client.stdin
                assert client.stderr
                client.stdin.write(said)
                client.stdin.flush()
                assert client.wait(60) == EXIT_CODES["git"]
                assert b"(git/silent)" in client.stderr.read()
    finally:
        ship_server.root(f"mv /root/ship.toml.before {settings}")
    assert site.push().status == 0


def test_a_folder_that_overlayfs_does_not_let_be_renamed_is_removed(
    ship_server: ShipServer,
) -> None:
    """As all of an image is, on the machines that some providers sell."""
    place = "/usr/share/doc/nginx-common"
    with pytest.raises(AssertionError, match="cross-device"):
        ship_server.root(("python3", "-c", f"import os; os.rename('{place}', '{place}.x')"))
    remove = f"files.remove_tree(pathlib.Path('{place}'))"
    code = f"import pathlib; from receiver.machine import files; {remove}"
    ship_server.root(("/opt/ship/bin/python", "-I", "-c", code))
    assert ship_server.root(f"ls -d {place}* 2>&1", check=False).endswith(
        "No such file or directory"
    )
