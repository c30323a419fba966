"""Run a script whose code names its port, and have it listen on 127.0.0.1:$PORT instead.

`listen.py SCRIPT [WORD ...]`, or `listen.py -m MODULE [WORD ...]`. The first TCP address that the
script opens to the outside is the one that is replaced; whatever it opens later is its own. Used
where nothing in the app's code reads PORT (buildpacks/python/starts.py decides that).

Runs in the app's own Python, 3.8 or newer.
"""

import importlib.util
import os
import runpy
import socket
import sys

_RUNPY = ("runpy.py", "<frozen runpy>")
_HOST = "127.0.0.1"
_LOOPBACK = {socket.AF_INET: _HOST, socket.AF_INET6: "::1"}


def main(argv):
    port = int(os.environ["PORT"])
    replace_first_bind(port)
    replace_uvicorns(port)
    hide_own_frames()
    if argv[0] == "-m":
        sys.argv = argv[1:]
        sys.path[0] = os.getcwd()
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
        return
    sys.argv = argv
    sys.path[0] = os.path.dirname(os.path.abspath(argv[0]))
    runpy.run_path(os.path.abspath(argv[0]), run_name="__main__")


def hide_own_frames():
    """Have a traceback begin with the script's own line, as it would without this program."""
    shown = sys.excepthook

    def show(kind, error, frames):
        while frames and _is_own(frames.tb_frame.f_code.co_filename):
            frames = frames.tb_next
        error.__traceback__ = frames
        shown(kind, error, frames)

    sys.excepthook = show


def _is_own(path):
    return path == os.path.abspath(__file__) or path.rpartition("/")[2] in _RUNPY


def replace_first_bind(port):
    """Have the first port of TCP that is bound be ours, for each family of addresses."""
    bind = socket.socket.bind
    first = []

    def bound(self, address):
        if not _is_fixed(self, address, port) or (first and address[1] != first[0]):
            bind(self, address)
            return
        bind(self, (_LOOPBACK[self.family], port))
        if not first:
            sys.stderr.write(f"ship: Port {address[1]} of the code is {port} here.\n")
            first.append(address[1])

    socket.socket.bind = bound


def _is_fixed(self, address, port):
    is_tcp = self.family in _LOOPBACK and self.type & socket.SOCK_STREAM
    return bool(is_tcp and isinstance(address, tuple) and address[1] not in (0, port))


def replace_uvicorns(port):
    """Uvicorn may have its address bound by uvloop, which asks no socket of Python's."""
    if importlib.util.find_spec("uvicorn") is None:
        return
    from uvicorn import config  # noqa: PLC0415 - the app may lack it

    made = config.Config.__init__

    def with_port(self, *args, **options):
        made(self, *args, **options)
        if self.fd is None and self.uds is None:
            self.host, self.port, self.reload = _HOST, port, False

    config.Config.__init__ = with_port


if __name__ == "__main__":
    main(sys.argv[1:])
