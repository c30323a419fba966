"""Plays the gate: what `git push` starts in place of ssh. Usage: receive_driver.py HOST COMMAND.

SHIP_TEST_RECEIVER=git serves the push by git's own receive-pack instead, for comparison.
SHIP_TEST_DIES=1 kills the gate once the branch has moved, before the hook has started.
"""

import os
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from receiver.push.limits import Limits


def main() -> int:
    service, repo = shlex.split(sys.argv[-1])
    hooks = Path(os.environ["SHIP_TEST_HOOKS"]) if "SHIP_TEST_HOOKS" in os.environ else None
    if service == "git-upload-pack":
        from receiver.push import upload_pack

        protocol = os.environ.get("GIT_PROTOCOL", "")
        return upload_pack.serve_ssh(Path(repo), protocol, quiet_s=limits().quiet_s)
    if os.environ.get("SHIP_TEST_RECEIVER") == "git":
        os.execvp(
            "git", ("git", "-c", f"core.hooksPath={hooks or '/dev/null'}", "receive-pack", repo)
        )
    from receiver.push import receive_pack

    if "SHIP_TEST_DIES" in os.environ:
        from receiver.push.hooks import Hooks

        Hooks.after = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign,assignment]
    passed = {name: value for name, value in os.environ.items() if name.startswith("SHIP_")}
    return receive_pack.serve_ssh(receive_pack.Push(Path(repo), hooks, passed, limits()))


def limits() -> "Limits":
    from receiver.model.weight import TreeLimits
    from receiver.push.limits import Limits

    def of(name: str, usual: int) -> int:
        return int(os.environ.get(f"SHIP_TEST_{name}", usual))

    tree = TreeLimits(of("MAX_FILES", 100_000), of("MAX_TREE_BYTES", 1 << 30))
    return Limits(
        of("MAX_BYTES", 500_000_000), tree, float(os.environ.get("SHIP_TEST_QUIET_S", "60"))
    )


if __name__ == "__main__":
    sys.exit(main())
