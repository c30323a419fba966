"""Why ssh does not reach a server, by what `ssh` itself says on a laptop, and what to check.

Pure.
"""

import re
from collections.abc import Callable

from receiver.model.errors import AccessError

_REASON = "access/ssh-failed"
_LAST_LINES = 4


def explain(said: str, address: str) -> AccessError:
    """The error for an ssh that ended by itself, before any command of ship's was reached."""
    host = address.rpartition("@")[2]
    for words, told in _CAUSES:
        if re.search(words, said):
            title, advice = told(host)
            break
    else:
        title, advice = (
            f"ssh could not reach {host}.",
            f"Try by hand, and read what it says: `ssh -v {address}`.",
        )
    seen = "\n".join(said.strip().splitlines()[-_LAST_LINES:])
    return AccessError(title, detail=seen, advice=advice, reason=_REASON)


_CAUSES: tuple[tuple[str, Callable[[str], tuple[str, str]]], ...] = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed",
        lambda host: (
            (
                f"{host} shows another host key than this computer knows, or one that it does "
                "not know yet."
            ),
            (
                "Was the server made anew, or is this the first time? Ask its "
                "administrator for the key's fingerprint"
                " (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there), forget the "
                f"old one by `ssh-keygen -R {host}`,"
                " connect once by hand, and compare. If nobody made it anew, do not go on."
            ),
        ),
    ),
    (
        r"Permission denied|Too many authentication failures",
        lambda host: (
            f"{host} refuses the ssh key of this computer.",
            (
                "`ssh-add -l` and ~/.ssh/*.pub show the keys that are offered. Have an "
                "admin let one in:"
                " `ship keys:add NAME < id_ed25519.pub`. If it was let in already: on the "
                "server, as root,"
                " `ship doctor --fix` mends what makes sshd refuse it."
            ),
        ),
    ),
    (
        r"Could not resolve hostname|Name or service not known",
        lambda host: (
            f"There is no address for the name {host}.",
            (
                "Check its spelling: `git remote -v`. If it is right, its DNS record is "
                "missing, or this computer"
                " has no network."
            ),
        ),
    ),
    (
        r"Connection refused",
        lambda host: (
            f"{host} answers, and no sshd listens there.",
            (
                "Log in by your provider's console and type `systemctl status ssh`; a port "
                "other than 22 belongs into"
                " the remote: ssh://ship@HOST:2222/blog."
            ),
        ),
    ),
    (
        r"timed out|No route to host|Network is unreachable",
        lambda host: (
            f"{host} does not answer.",
            (
                "Is the machine up, and does a firewall, of the machine or of your provider, "
                "let port 22 through?"
            ),
        ),
    ),
    (
        r"UNPROTECTED PRIVATE KEY FILE|bad permissions",
        lambda _: (
            "ssh does not use a private key that others can read.",
            "`chmod 600` the file that it names.",
        ),
    ),
)
