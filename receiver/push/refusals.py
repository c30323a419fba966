"""Has root record what was refused where git comes in: the account that decides there cannot
write the audit.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

_STREAMS = (0, 1, 2)


def record(key: str, app: str, service: str, environment: Mapping[str, str], *, sudo: bool) -> None:
    """Try it once more as `ship`, which refuses it as well, and says so in the audit.

    Silent, whatever comes of it.

    Args:
        key: whose request it was
        app: the app that was meant
        service: such as `git-receive-pack`
        environment: for sudo and ship; SSH_CLIENT in it is the address that is recorded
        sudo: whether another account than this one keeps the audit
    """
    ship = str(Path(sys.executable).with_name("ship"))
    call = "push" if service == "git-receive-pack" else "fetch"
    prefix = ("sudo", "-n", "--") if sudo else ()
    argv = (*prefix, ship, "--by", key, "--", "git:refused", call, "--app", app)
    nowhere = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in _STREAMS]
    os.waitpid(os.posix_spawnp(argv[0], argv, environment, file_actions=nowhere), 0)
