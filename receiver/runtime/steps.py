"""Run commands one after the other, up to one that fails: `steps.py STEPS_JSON`.

STEPS_JSON is a list of objects: `argv`, and `env` with the variables that only this command has. A
NUL byte is written before one that is `marked`. The exit status is that of the last one that ran.
Runs as the app's account in the sandbox, which costs several commands no more than one.
"""

import json
import os
import sys


def main(argv):
    with open(argv[0], encoding="utf-8") as handle:
        steps = json.load(handle)
    for step in steps:
        if step.get("marked"):
            os.write(1, b"\0")
        status = run(step["argv"], step["env"])
        if status:
            sys.exit(status)


def run(argv, env):
    environment = {**os.environb}
    for name, value in env.items():
        environment[os.fsencode(name)] = value.encode("utf-8", "surrogateescape")
    try:
        pid = os.posix_spawnp(argv[0], argv, environment)
    except OSError as error:
        print(f"ship: {argv[0]} cannot be run: {error.strerror}.", file=sys.stderr)
        return 127
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status if status >= 0 else 128 - status  # as a shell says that a signal ended it


if __name__ == "__main__":
    main(sys.argv[1:])
