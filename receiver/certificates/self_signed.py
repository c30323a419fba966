"""What names are served with by https for which there is no certificate yet.

nginx lacks no file then, and https works before the DNS does; browsers warn.
"""

from datetime import datetime

from receiver.machine import files
from receiver.machine.clock import Clock
from receiver.model.layout import Layout
from receiver.model.settings import Server


def is_missing(layout: Layout, settings: Server) -> bool:
    """Whether nginx of a server needs it, and it is not there."""
    return bool(settings.tls_port) and not layout.self_signed.is_file()


def make(layout: Layout, settings: Server, clock: Clock) -> None:
    """Make it, and the folders that certificates need."""
    from receiver.certificates import pem  # noqa: PLC0415 - once in the life of a server

    files.make_folder(layout.certificates, mode=0o700)
    files.make_folder(layout.challenges, mode=0o755)
    names = (settings.domain, f"*.{settings.domain}")
    text = pem.self_signed(names, datetime.fromisoformat(clock.stamp()))
    files.write_atomically(layout.self_signed, text, mode=0o600)
