"""Plays the gate: what `git push` starts in place of ssh. Usage: receive_driver.py HOST COMMAND.

SHIP_TEST_RECEIVER=git serves the push by git's own receive-pack instead, for comparison.
"""

import os
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))


def main() -> int:
    service, repo = shlex.split(sys.argv[-1])
    hooks = Path(os.environ["SHIP_TEST_HOOKS"]) if "SHIP_TEST_HOOKS" in os.environ else None
    if service == "git-upload-pack":
        from receiver.push import upload_pack

        upload_pack.serve_ssh(Path(repo), os.environ.get("GIT_PROTOCOL", ""))
    if os.environ.get("SHIP_TEST_RECEIVER") == "git":
        os.execvp(
            "git", ("git", "-c", f"core.hooksPath={hooks or '/dev/null'}", "receive-pack", repo)
        )
    from receiver.push import receive_pack

    passed = {name: value for name, value in os.environ.items() if name.startswith("SHIP_")}
    limit_bytes = int(os.environ.get("SHIP_TEST_MAX_BYTES", "500000000"))
    return receive_pack.serve_ssh(receive_pack.Push(Path(repo), hooks, passed, limit_bytes))


if __name__ == "__main__":
    sys.exit(main())
