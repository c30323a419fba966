"""The rooms of the code: imports point down only, and each outside library has its doorway.

A new package needs a place in `PACKAGES`. What each is for stands in its `__init__`.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]

PACKAGES = [
    "model",
    "buildpacks",
    "machine",
    "planner",
    "diagnosis",
    "state",
    "access",
    "health",
    "nginx",
    "hosts",
    "hosts.systemd",
    "hosts.systemd.doctor",
    "hosts.supervisord",
    "server",
    "changes",
    "engine",
    "processes",
    "storage",
    "runs",
    "logs",
    "drains",
    "certificates",
    "hardening",
    "building",
    "deploy.app_json",
    "deploy.tree",
    "deploy.stages",
    "deploy",
    "apps.parts",
    "apps",
    "setup",
    "doctor",
    "importing",
    "local",
    "push",
    "push.http",
    "cli",
    "cli.commands.config",
    "cli.commands.apps",
    "cli.commands.runs",
    "cli.commands",
]
"""Bottom up: a package may import those before it."""
LAZILY = {
    ("server", "hosts.systemd"), ("server", "hosts.supervisord"), ("server", "engine"),
    ("hosts.systemd", "hosts.systemd.doctor"),
    ("cli", "cli.commands"),
}  # fmt: skip
"""Imports up that stay, inside of functions: one of two hosts, what doctor asks, one command."""

DOORWAYS = {
    "click": {"cli"},
    "cryptography": {"certificates.pem"},
    "dulwich": {"push.wire", "push.rules", "push.receive_pack"},
    "idna": {"model.domains"},
    "jinja2": {"planner.render"},
    "rich": {"cli.show"},
    "sh": {"machine.shell"},
    "supervisor": {"hosts.supervisord.stamps"},
    "subprocess": {"machine.shell", "setup.package_sources"},  # which runs before ship is there
    "toml": {"state.toml_writer"},
    "watchdog": {"machine.watcher"},
}  # fmt: skip
"""The only modules, or packages of them, that import each of these."""
READS_PROC = "machine.proc"
CONNECTS_TO_UNIX_SOCKETS = "machine.unix_sockets"
STARTS_PROGRAMS = {"system", "popen", "posix_spawn", "posix_spawnp", "spawnv", "spawnve", "spawnvp"}
"""Functions of `os` that go past machine.shell."""
READ_ENVIRONMENT = {
    "cli.context": "what a person typed in which surroundings",
    "push.gate": "sshd's SSH_ORIGINAL_COMMAND, and SHIP_ROOT",
    "push.intake": "SHIP_ROOT and SSH_CLIENT, from the hook",
    "push.http.serve": "SHIP_ROOT, from supervisord",
    "setup.package_sources": "pip's variables, of which it hands on a part",
    "machine.git": "handed on to git, without what would lead it elsewhere",
    "nginx.program": "PATH, to find nginx in the folders of an administrator too",
}
HOSTS = {"systemd", "supervisord"}
OF_ONE_HOST = {
    "server": "opens the host that the settings name",
    "model.settings": "declares the names",
    "setup.embedded": "makes, starts and stops the server that supervisord is the host of",
    "local.laptop": "a developer's machine runs the jobs of a build as an embedded server does",
}
"""The only modules outside of hosts/ that know a host by its name."""
SOURCES = [
    path
    for folder in ("receiver", "buildpacks")
    for path in sorted((PROJECT / folder).rglob("*.py"))
    if "runtime" not in path.parts
]
RUNTIME = sorted((PROJECT / "receiver/runtime").glob("*.py"))


OF_ONE_FRAMEWORK = {"django_project.py": {"django"}, "listen.py": {"uvicorn"}}
"""What these import where the app has it."""


def _module(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts if parts == ("receiver",) or parts[0] == "buildpacks" else parts[1:])


MODULES = {_module(path): path for path in SOURCES}


def _package(module: str) -> str:
    """The listed package that a module is of, the innermost one; none for `receiver` itself."""
    found = [name for name in PACKAGES if f"{module}.".startswith(f"{name}.")]
    return max(found, key=len, default="")


def test_every_package_is_listed_and_says_what_it_is_for() -> None:
    folders = {_module(path) for path in SOURCES if path.name == "__init__.py"} - {"receiver"}
    folders = {name for name in folders if not name.startswith("buildpacks.")}
    assert folders == set(PACKAGES) - {"server"}
    for name in folders:
        said = ast.get_docstring(ast.parse(MODULES[name].read_text())) or ""
        assert said.count(".") >= 3, f"{name} does not say what it is for, holds and may import"


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"receiver"}))
def test_imports_point_down(module: str) -> None:
    own = _package(module)
    assert own, f"{module} is in no package of the list"
    at_once = _names(_at_once(MODULES[module]))
    for imported in sorted(_ours(MODULES[module]) - {"receiver"}):
        other = _package(imported)
        lazily = (own, other) in LAZILY and imported not in at_once
        assert lazily or PACKAGES.index(other) <= PACKAGES.index(own), (
            f"{module} imports {imported}, which stands above it"
        )


def test_no_modules_import_each_other() -> None:
    before = {
        module: {
            name
            for name in _ours(path) & set(MODULES) - {module}
            if (_package(module), _package(name)) not in LAZILY
        }
        for module, path in MODULES.items()
    }
    tuple(TopologicalSorter(before).static_order())  # raises CycleError, which names them


@pytest.mark.parametrize("library", sorted(DOORWAYS))
def test_a_library_is_imported_by_its_doorway_alone(library: str) -> None:
    users = {module for module, path in MODULES.items() if library in _others(path)}
    doorways = DOORWAYS[library]
    assert users, f"Nothing imports {library}: is it still needed?"
    assert {user for user in users if not doorways & {user, user.partition(".")[0]}} == set()


def test_no_program_is_started_past_the_doorway() -> None:
    assert not {module for module, path in MODULES.items() if STARTS_PROGRAMS & set(_of_os(path))}


def test_what_the_kernel_says_in_proc_is_read_by_one_module() -> None:
    readers = {module for module, path in MODULES.items() if any(map(_in_proc, _texts(path)))}
    assert readers == {READS_PROC}


def test_unix_sockets_are_connected_to_by_one_module() -> None:
    users = {module for module, path in MODULES.items() if "AF_UNIX" in set(_attributes(path))}
    assert users == {CONNECTS_TO_UNIX_SOCKETS}


@pytest.mark.parametrize(
    ("word", "users"),
    [
        ("app_lock", {"machine.lock", "changes.freezes"}),
        ("freezes.turn", {"changes.change", "changes.recovery"}),
        ("Checkpoint", {"changes.checkpoint", "changes.change", "changes.recovery"}),
        ("Executor", {"changes.executor", "changes.change", "changes.recovery"}),
    ],
)
def test_there_is_one_way_to_change_an_app(word: str, users: set[str]) -> None:
    """It looks for a freeze, recovers and keeps a journal, as taking the lock alone does not."""
    found = {
        module for module, path in MODULES.items() if re.search(rf"\b{word}\b", path.read_text())
    }
    assert found == users


def test_who_may_use_git_is_asked_at_one_door() -> None:
    about_grants = {"access.grants", "model.grant"}
    asking = {module for module, path in MODULES.items() if about_grants & _ours(path)}
    of_push = {module for module in asking if module.startswith("push.")}
    # intake asks once more, as root: the account that asks at the door is trusted less
    assert of_push == {"push.door", "push.intake"}


def test_what_hooks_are_told_is_put_together_at_one_place() -> None:
    builders = {module for module, path in MODULES.items() if '"SHIP_DEPLOY"' in path.read_text()}
    assert builders == {"push.door"}


def test_whether_gunicorn_serves_is_asked_of_the_release() -> None:
    asking = {module for module, path in MODULES.items() if ", Gunicorn)" in path.read_text()}
    assert asking == {"model.release", "model.webserver"}


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"receiver"}))
def test_what_differs_from_host_to_host_is_asked_of_the_host(module: str) -> None:
    told = set(_of_one_host(MODULES[module]))
    if module in OF_ONE_HOST:
        assert told, f"{module} knows no host by its name any more"
    elif _package(module).split(".")[0] != "hosts":
        assert not told, f"{module} asks which host there is; have the host answer"


@pytest.mark.parametrize(
    "code",
    [
        "if server.settings.host == 'systemd': pass",
        "if settings.host != other: pass",
        "if layout == Layout.vps(): pass",
        "if seen.has_systemd: pass",
        "from receiver.hosts.systemd import units",
        "import receiver.hosts.supervisord.rpc",
        "isinstance(host, SystemdHost)",
        "keeper(layout, systemd=True)",
        "match settings.host:\n    case 'supervisord': pass",
    ],
)
def test_a_question_for_the_host_is_seen(code: str, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(code)
    assert set(_of_one_host(path))


STORIES = {"changes", "processes", "runs", "logs", "deploy"}
ENGINES = {"app_log", "main_pid", "background", "jobs", "start", "stop", "reload", "enable"}
PAST_THE_ENGINE = {
    "deploy.detached": "puts a process of ship's own in a unit of its own",
    "runs.running": "as above",
    "deploy.stages.publishing": "copies files for nginx, as the app's account",
    "processes.part": "writes the units of an app that is made or brought up to date",
}
"""Stories that ask the host for what an engine has too, and why."""


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"receiver"}))
def test_a_story_reaches_what_runs_by_the_engine(module: str) -> None:
    asked = {name for name in _of_the_host(MODULES[module]) if name in ENGINES}
    if module in PAST_THE_ENGINE:
        assert asked, f"{module} asks the host for nothing that an engine has"
    elif _package(module).split(".")[0] in STORIES:
        assert not asked, f"{module} asks the host for {asked}; have its engine answer"


def test_the_environment_is_read_at_the_edges_alone() -> None:
    readers = {module for module, path in MODULES.items() if "environ" in set(_attributes(path))}
    assert readers == set(READ_ENVIRONMENT)


@pytest.mark.parametrize("path", RUNTIME, ids=lambda path: path.name)
def test_the_runtime_imports_nothing_that_an_app_may_lack(path: Path) -> None:
    assert not _ours(path)
    beside = {f"ship_runtime_{other.stem}" for other in RUNTIME} | {
        "storage_files",
        "storage_equal",
        "trees",
    }
    of_the_app = {"gunicorn", *OF_ONE_FRAMEWORK.get(path.name, ())}
    assert _others(path) <= sys.stdlib_module_names | beside | of_the_app


@pytest.mark.parametrize("start", ["cli.main", "push.gate"])
def test_a_command_starts_without_what_it_may_not_need(start: str) -> None:
    _, libraries = _loaded(start)
    assert not libraries & {
        "dulwich",
        "jinja2",
        "msgspec",
        "rich",
        "sh",
        "supervisor",
        "toml",
        "watchdog",
    }


@pytest.mark.parametrize(
    ("starts", "spared"),
    [
        (
            ("server", "apps.unfinished", "hosts.systemd.host"),
            {"changes.change", "changes.executor", "changes.recovery", "apps.renaming"},
        ),
        (
            ("push.intake", "deploy.releasing", "hosts.systemd.host"),
            {"logs.build_logs", "apps.renaming", "machine.watcher"},
        ),
    ],
    ids=["opening a server", "a push"],
)
def test_what_every_push_or_command_does_loads_no_more_than_it_needs(
    starts: tuple[str, ...], spared: set[str]
) -> None:
    loaded, _ = _loaded(*starts)
    of_logs = {"machine.log_files", "hosts.systemd.journal"}
    of_the_other_host = {"hosts.supervisord.host", "hosts.supervisord.rpc"}
    assert not loaded & (spared | of_logs | of_the_other_host)


def _loaded(*starts: str) -> tuple[set[str], set[str]]:
    """What the start of these modules loads: modules of ship's, and libraries."""
    loaded, libraries, waiting = set[str](), set[str](), list(starts)
    while waiting:
        module = waiting.pop()
        if module in loaded or module not in MODULES:
            continue
        loaded.add(module)
        names = set(chain.from_iterable(_named(node) for node in _at_once(MODULES[module])))
        libraries |= {name.split(".")[0] for name in names}
        waiting += [name.removeprefix("receiver.") for name in names]
    return loaded, libraries


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _at_once(path: Path) -> list[ast.stmt]:
    """What an import of the module does, without what waits for a call."""
    return _tree(path).body


@cache
def _imports(path: Path) -> frozenset[str]:
    return frozenset(chain.from_iterable(map(_named, ast.walk(_tree(path)))))


def _named(node: ast.AST) -> Iterator[str]:
    """Modules that one statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            # `from receiver import files` imports a module, `from receiver.files import x` a name
            # of one
            inner = (PROJECT / node.module.replace(".", "/") / alias.name).with_suffix(".py")
            is_module = inner.exists() or inner.with_suffix("").is_dir()
            yield f"{node.module}.{alias.name}" if is_module else node.module


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    return {name.removeprefix("receiver.") for name in chain.from_iterable(map(_named, nodes))}


def _ours(path: Path) -> set[str]:
    names = (name for name in _imports(path) if name.split(".")[0] in {"receiver", "buildpacks"})
    return {name.removeprefix("receiver.") for name in names}


def _others(path: Path) -> set[str]:
    return {name.split(".")[0] for name in _imports(path)} - {"receiver", "buildpacks"}


def _of_one_host(path: Path) -> Iterator[str]:
    """What a module has of one host alone: its name, or a comparison that tells it."""
    for node in ast.walk(_tree(path)):
        match node:
            case ast.Constant(value=str(text)) if text in HOSTS:
                yield text
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield from _naming_a_host(name)
            case ast.keyword(arg=str(name)) | ast.alias(name=name):
                yield from _naming_a_host(name)
            case ast.ImportFrom(module=str(name)):
                yield from _naming_a_host(name)
            case ast.Compare(left=left, comparators=others):
                yield from filter(_TELLING.search, map(ast.unparse, (left, *others)))


_TELLING = re.compile(r"\bsettings\.host$|^Layout\.(vps|embedded|at)\(")


def _naming_a_host(name: str) -> Iterator[str]:
    if any(host in name.lower() for host in HOSTS):
        yield name


def _of_os(path: Path) -> Iterator[str]:
    """Names of the module `os` that a module uses."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield from (node.attr,) if node.value.id == "os" else ()
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (alias.name for alias in node.names)


def _texts(path: Path) -> Iterator[str]:
    """Texts in the code of a module, and pieces of texts."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _in_proc(text: str) -> bool:
    return text == "/proc" or text.startswith("/proc/")


def _of_the_host(path: Path) -> Iterator[str]:
    """What a module asks the host for: `x` of `server.host.x`, and of `host.x`."""
    for node in ast.walk(_tree(path)):
        match node:
            case ast.Attribute(value=ast.Attribute(attr="host") | ast.Name(id="host"), attr=name):
                yield name


def _attributes(path: Path) -> Iterator[str]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.attr
