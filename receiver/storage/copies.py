"""Copies what an app keeps to another app, each side with the rights of its own account alone.

By tar, unlike what people take out and put in: another app goes on with these files, so links and
modes come along.
"""

from receiver.hosts import Host
from receiver.hosts.accounts import as_account
from receiver.machine import shell
from receiver.model.errors import ShipError
from receiver.model.layout import AppPaths

_LIMIT_S = 3600.0
_CHANGED = 1
# what tar has to say besides must not end up between the files
_PACK = ("/bin/sh", "-c", "exec /bin/tar -c --one-file-system -f - . 2>/dev/null")
_UNPACK = ("/bin/tar", "-x", "-p", "--no-same-owner", "-f", "-")


def copy_storage(host: Host, source: AppPaths, target: AppPaths) -> bool:
    """Copy all files; returns whether they stood still meanwhile.

    Raises:
        ShipError: they could not be read or written
    """
    packer = shell.start(
        (*as_account(host.accounts.owner(source.name)), *_PACK),
        env=shell.PLAIN_ENVIRONMENT,
        cwd=source.storage,
    )
    try:
        if packer.stdout is None:
            raise TypeError(packer)
        unpack = (*as_account(host.accounts.owner(target.name)), *_UNPACK)
        with packer.stdout as files:
            shell.capture(unpack, stdin=files.fileno(), cwd=target.storage, limit_s=_LIMIT_S)
        status = packer.wait()
    except shell.CommandError as error:
        raise _failed(source, error.output) from error
    finally:
        shell.end(packer)
    if status > _CHANGED:
        raise _failed(source, f"tar ended with {status}.")
    return status == 0


def _failed(source: AppPaths, said: str) -> ShipError:
    return ShipError(
        f"The storage of {source.name} could not be copied.",
        detail=said.strip(),
        advice="Check the disk for free space: `df -h`.",
        reason="server/storage-copy",
    )
