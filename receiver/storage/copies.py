"""Copies what an app keeps to another app, each side with the rights of its own account alone.

By tar, unlike what people take out and put in: another app goes on with these files, so links and
modes come along.
"""

from receiver.changes.app_state import AppState
from receiver.hosts.accounts import as_account
from receiver.machine import shell
from receiver.model.errors import ServerError, ShipError
from receiver.model.layout import AppPaths
from receiver.model.names import AppName

_LIMIT_S = 3600.0
_CHANGED = 1
_PACK = ("/bin/tar", "-c", "--one-file-system", "-f", "-", ".")
_UNPACK = ("/bin/tar", "-x", "-p", "--no-same-owner", "-f", "-")


def copy_storage(source: AppState, target: AppPaths) -> bool:
    """Copy all files; returns whether they stood still meanwhile.

    Raises:
        ShipError: they could not be read or written
    """
    accounts = source.server.host.accounts
    pack = (*as_account(accounts.owner(source.name)), *_PACK)
    # what tar has to say besides must not end up between the files
    program = shell.Program(pack, shell.PLAIN_ENVIRONMENT, source.paths.storage, shows="output")
    packer = shell.stream(program, outlives_us=True)
    try:
        unpack = (*as_account(accounts.owner(target.name)), *_UNPACK)
        with shell.output_of(packer) as files:
            shell.capture(unpack, given=files.fileno(), cwd=target.storage, limit_s=_LIMIT_S)
        status = packer.wait()
    except shell.CommandError as error:
        raise _failed(source.name, error.output) from error
    finally:
        shell.end(packer)
    if status > _CHANGED:
        raise _failed(source.name, f"tar ended with {status}.")
    return status == 0


def _failed(source: AppName, said: str) -> ShipError:
    return ServerError(
        f"The storage of {source} could not be copied.",
        detail=said.strip(),
        advice="Check the disk for free space: `df -h`.",
        reason="server/storage-copy",
    )
