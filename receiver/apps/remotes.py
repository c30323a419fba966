"""The address that an app is pushed to."""

from receiver.model.names import AppName
from receiver.model.settings import Server


def git_remote(server: Server, app: AppName) -> str:
    """What stands behind `git remote add prod`: over ssh on a VPS, over HTTP where there is no
    sshd of ours.
    """
    if server.host == "systemd":
        return f"ship@{server.domain}:{app}"
    return f"http://127.0.0.1:{server.http_port}/git/{app}.git"
