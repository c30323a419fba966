"""Finish a virtualenv: `finish.py [--setuptools] INSTALL...`, run by the virtualenv's own Python.

INSTALL is the command that installs what is named behind it. pip is there afterwards, as after
`python -m venv`, and pkg_resources where a package imports it without asking for it; with
--setuptools, the app names a version of setuptools itself. What was installed as a link into this
folder is found in the release that runs, wherever that is. A list of what is installed is left in
packages.txt, and uv's cache holds no second copy of it.

SHIP_PIP is a folder with a pip that all virtualenvs share. Runs as the app's account, in the
unpacked tree, with Python 3.6 or newer.
"""

import os
import re
import subprocess
import sys
import sysconfig

PKG_RESOURCES = "setuptools<82"
SHARED_PIP = (3, 10)
_PIP = """\
#!/bin/sh
exec "$(dirname -- "$(realpath -- "$0")")/python" -m pip "$@"
"""
_IMPORTS = re.compile(
    rb"^(?:(?:import|from) pkg_resources\b|__import__\(['\"]pkg_resources)", re.MULTILINE
)
_FINDER = re.compile(r"import (\w*editable\w*)")
_LINE = (
    "import os, sys; sys.path.append(os.path.normpath(os.path.join(os.environ.get('SHIP_TREE')"
    " or os.path.join(sys.prefix, '../../current/source'), {!r})))"
)


def main(argv):
    pinned = argv[0] == "--setuptools"
    install = argv[1:] if pinned else argv
    packages = sysconfig.get_paths()["purelib"]
    follow(packages, os.getcwd())
    if os.path.isdir(os.environ["SHIP_PIP"]) and sys.version_info >= SHARED_PIP:
        share_pip(packages, os.environ["SHIP_PIP"])
    else:
        bring_pip(install)
    prune = [install[0], "cache", "prune", "--ci"]
    pruning = start(prune)
    looks = not pinned and not os.path.isdir(os.path.join(packages, "pkg_resources"))
    name = next(importers(packages), None) if looks else None
    pruning.wait()
    if name is not None:
        bring_pkg_resources(name, install)
        run(prune)
    write_list(packages)


def share_pip(packages, folder):
    with open(os.path.join(packages, "ship-pip.pth"), "w") as handle:
        handle.write(folder + "\n")
    for name in ("pip", "pip3", "pip{}.{}".format(*sys.version_info)):
        path = os.path.join(sys.prefix, "bin", name)
        if not os.path.exists(path):
            with open(path, "w") as handle:
                handle.write(_PIP)
            os.chmod(path, 0o755)  # noqa: S103 - a program of the app's, which others of its group run


def bring_pip(install):
    # an old Python gets a pip of its own; uv keeps it in what is marked like this
    config = os.path.join(sys.prefix, "pyvenv.cfg")
    with open(config) as handle:
        marked = "seed = true" in handle.read()
    if not marked:
        with open(config, "a") as handle:
            handle.write("seed = true\n")
    program = os.path.join(sys.prefix, "bin", "pip")
    if not os.path.exists(program) and run([*install, "pip"]):
        print("pip is not in the virtualenv: the package index did not give it.", flush=True)


def bring_pkg_resources(name, install):
    print(f"{name} imports pkg_resources, which needs {PKG_RESOURCES}.", flush=True)
    if run([*install, PKG_RESOURCES]):
        print(f"It could not be installed. Add the line {PKG_RESOURCES}.", flush=True)


def run(command):
    return start(command).wait()


def start(command):
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def importers(packages):
    """Packages whose own modules cannot be imported without pkg_resources."""
    for name in sorted(os.listdir(packages)):
        top = os.path.join(packages, name)
        if name in ("pip", "setuptools", "wheel", "pkg_resources"):
            continue
        if any(imports(path) for path in modules(top)):
            yield name


def modules(top):
    if top.endswith(".py"):
        yield top
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if name not in ("tests", "test", "testing")]
        for file in files:
            if file.endswith(".py"):
                yield os.path.join(folder, file)


def imports(path):
    try:
        with open(path, "rb") as handle:
            text = handle.read()
    except OSError:
        return False
    # few files name it at all, and the pattern looks at every line
    return b"pkg_resources" in text and _IMPORTS.search(text)


def follow(packages, tree):
    """In place of links to this folder, look into the tree of the release that runs."""
    for name in sorted(os.listdir(packages)):
        if name.endswith(".pth"):
            path = os.path.join(packages, name)
            with open(path, encoding="utf-8") as handle:
                lines = handle.read().splitlines()
            followed = [one for line in lines for one in following(line, packages, tree)]
            if followed != lines:
                os.unlink(path)  # never written in place: it may be the same file as uv's own
                with open(path, "w", encoding="utf-8") as handle:
                    handle.writelines(line + "\n" for line in followed)


def following(line, packages, tree):
    """What takes the place of a line of a .pth file."""
    if line == tree or line.startswith(tree + os.sep):
        return [_LINE.format(os.path.relpath(line, tree))]
    module = _FINDER.match(line)
    path = os.path.join(packages, module.group(1) + ".py") if module else ""
    roots = finder_roots(path, tree) if os.path.isfile(path) else []
    return [_LINE.format(root) for root in roots] or [line]


def finder_roots(path, tree):
    """The folders of the tree that a module of links has its packages in."""
    with open(path, encoding="utf-8") as handle:
        places = re.findall(r"['\"](" + re.escape(tree) + r"/[^'\"]*)['\"]", handle.read())
    packages = [place for place in places if in_package(place)]
    above = dict.fromkeys(os.path.dirname(place) for place in packages or places)
    return [os.path.relpath(folder, tree) for folder in above if not in_package(folder)]


def in_package(folder):
    return os.path.isfile(os.path.join(folder, "__init__.py"))


def write_list(packages):
    infos = [name[: -len(".dist-info")] for name in os.listdir(packages) if ".dist-info" in name]
    found = ["==".join(name.rsplit("-", 1)) for name in infos]
    with open(os.path.join(sys.prefix, "packages.txt"), "w") as handle:
        handle.writelines(line + "\n" for line in sorted(found))


if __name__ == "__main__":
    main(sys.argv[1:])
