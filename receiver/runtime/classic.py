"""Run one program of a classic buildpack: `classic.py ENV_JSON STEP PACK WORK BUILD CACHE
[EXPORT...]`.

STEP is detect, compile or release. Config vars stand in files of a folder that `compile` is told,
not in its environment. EXPORT are files of buildpacks that ran before, which are read by a shell
first. WORK is a folder that goes away with the build.

Runs as the app's account inside the sandbox.
"""

import json
import os
import sys

_READ_FIRST = 'while [ "$1" != -- ]; do . "$1"; shift; done; shift; exec "$@"'


def main(argv):
    config_file, step, pack, work, build, cache, *exports = argv
    with open(config_file, encoding="utf-8") as handle:
        config = json.load(handle)
    program = os.path.join(pack, "bin", step)
    command = [program, build]
    if step == "compile":
        os.makedirs(cache, exist_ok=True)
        command += [cache, write_config(os.path.join(work, "env"), config)]
    exports = [path for path in exports if os.path.isfile(path)]
    if exports:
        command = ["/bin/bash", "-c", _READ_FIRST, "bash", *exports, "--", *command]
    if step == "release":
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what it prints is read by a program
    environment = dict(os.environ)
    environment.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
    environment.setdefault("HOME", work)
    try:
        os.execve(command[0], command, environment)
    except OSError as error:
        sys.exit(f"ship: bin/{step} cannot be run: {error.strerror}.")


def write_config(folder, config):
    """A file for each config var, named like it."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for name, value in config.items():
        descriptor = os.open(
            os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600
        )
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(value.encode("utf-8", "surrogateescape"))
    return folder


main(sys.argv[1:])
