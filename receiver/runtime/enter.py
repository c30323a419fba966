"""Give a command its config vars and run it: `enter.py ENV_JSON -- COMMAND...`.

Runs as the app's account inside the sandbox. Config vars come from the release's own file here,
because a unit's properties and a command line can be seen by other accounts.
"""

import json
import os
import sys


def main(argv):
    config, separator, *command = argv
    if separator != "--" or not command:
        sys.exit("usage: enter.py ENV_JSON -- COMMAND...")
    with open(config, encoding="utf-8") as handle:
        values = json.load(handle)
    values.pop("PYTHONHOME", None)  # a virtualenv has its own; with another one it finds no library
    environment = {**os.environb}
    tree = os.environ.get("PYTHONPATH")
    if tree and "PYTHONPATH" in values:  # the app's own modules are found all the same
        values["PYTHONPATH"] = os.pathsep.join(filter(None, (values["PYTHONPATH"], tree)))
    for name, value in values.items():
        environment[os.fsencode(name)] = value.encode("utf-8", "surrogateescape")
    try:
        os.execvpe(command[0], command, environment)
    except FileNotFoundError:
        leave(127, f"there is no program {command[0]} here.")
    except PermissionError:
        leave(126, f"the file {command[0]} may not be run.")


def leave(status, why):
    """End with the status that a shell would give."""
    print(f"ship: {why}", file=sys.stderr)
    sys.exit(status)


main(sys.argv[1:])
