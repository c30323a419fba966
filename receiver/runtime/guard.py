"""Run a command that ends with whoever started it: `guard.py LIFELINE SIGNAL GRACE_S --
COMMAND...`.

LIFELINE is a file descriptor of a pipe that the starter holds the other end of. When that end is
closed, in whatever way the starter ended, the command gets SIGNAL, and SIGKILL after GRACE_S
seconds. A byte in the pipe is SIGKILL at once. Signals that this process gets are handed on to the
command; a `+` before SIGNAL has its whole group get them.

What the command leaves behind when it ends, children in the background too, is killed; on Linux
also what has made a session of its own. The exit status is the command's, or 128 and the number of
the signal that ended it.
"""

import contextlib
import os
import select
import signal
import sys
import time

_HANDED_ON = ("SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2")
_SIGNALLED = 128
_NO_PROGRAM = 127
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def main(argv):
    lifeline, ending, grace_s, separator, *command = argv
    if separator != "--" or not command:
        sys.exit("usage: guard.py LIFELINE SIGNAL GRACE_S -- COMMAND...")
    group, ending = ending.startswith("+"), getattr(signal, ending.lstrip("+"))
    guard = Guard(int(lifeline), ending, float(grace_s), group=group)
    sys.exit(guard.run(command))


class Guard:
    """One command, and the pipe that says whether it is still wanted."""

    def __init__(self, lifeline, ending, grace_s, *, group):
        self.lifeline, self.ending, self.grace_s, self.group = lifeline, ending, grace_s, group
        self.child = 0
        self.ends_at = None

    def run(self, command):
        _control(_PR_SET_CHILD_SUBREAPER, 1)
        signals, woken = os.pipe()
        for end in (signals, woken):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for name in _HANDED_ON:
            signal.signal(getattr(signal, name), self._hand_on)
        self.child = self._start(command)
        status = self._wait(signals)
        self._clear()
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else _SIGNALLED + os.WTERMSIG(status)

    def _start(self, command):
        starter = os.getpid()
        child = os.fork()
        if child:
            return child
        signal.set_wakeup_fd(-1)
        os.setsid()
        _control(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != starter:
            os._exit(_SIGNALLED + signal.SIGKILL)
        for name in (*_HANDED_ON, "SIGCHLD"):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        os.close(self.lifeline)
        try:
            os.execvp(command[0], command)
        except OSError as error:
            sys.stderr.write(f"ship: {command[0]} cannot be run: {error.strerror}.\n")
            sys.stderr.flush()
        os._exit(_NO_PROGRAM)

    def _wait(self, signals):
        """Until the command has ended; its status."""
        sources = [self.lifeline, signals]
        while True:
            left_s = None if self.ends_at is None else max(self.ends_at - time.monotonic(), 0.0)
            ready, _, _ = select.select(sources, [], [], left_s)
            if self.lifeline in ready:
                if os.read(self.lifeline, 1):
                    self._kill()
                else:
                    sources.remove(self.lifeline)
                    self.ends_at = time.monotonic() + self.grace_s
                    self._hand_on(self.ending, None)
            if signals in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(signals, 64)
            if self.ends_at is not None and time.monotonic() >= self.ends_at:
                self._kill()
                self.ends_at = None
            status = self._status()
            if status is not None:
                return status

    def _status(self):
        """Fetch all that has ended; the command's status when it is among them."""
        found = None
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return found
            if pid == 0:
                return found
            if pid == self.child:
                found = status

    def _hand_on(self, number, _frame):
        if self.child:
            with contextlib.suppress(OSError):
                (os.killpg if self.group else os.kill)(self.child, number)

    def _kill(self):
        with contextlib.suppress(OSError):
            os.killpg(self.child, signal.SIGKILL)

    def _clear(self):
        """Kill what is left of the group, then what came to this process when its parent ended."""
        self._kill()
        while True:
            for pid in _children():
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return


def _children():
    listing = f"/proc/self/task/{os.getpid()}/children"
    try:
        with open(listing, encoding="ascii") as handle:
            return [int(pid) for pid in handle.read().split()]
    except OSError:
        return []


def _control(option, value):
    """What only Linux can; elsewhere a command's group has to do."""
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - as above

    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main(sys.argv[1:])
