"""The layers of the code: imports point down only, and each outside program or library has its doorway.

The table is read from top to bottom. A module may import what stands below it: modules further down in
its own layer, and the layers that its own one may use. A new module needs a place here; each has a line of its own.
"""

import ast
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]

EDGE = """
    cli.import_
    cli.plan
    cli.run
    cli.cron
    cli.storage_copy
    cli.storage
    cli.ps
    cli.logs
    cli.releases
    cli.maintenance
    cli.local
    cli.limits
    cli.runs
    cli.keys
    cli.audit
    cli.locks
    cli.access
    cli.git
    cli.config_edit
    cli.config_set
    cli.config_change
    cli.config
    cli.config_input
    cli.doctor
    cli.ssh_trouble
    cli.checks
    cli.drains
    cli.capacity
    cli.changes
    cli.check
    cli.builds
    cli.clone
    cli.open
    cli.apps
    cli.destroy
    cli.buildpacks
    cli.server
    cli.reference
    cli.about
    cli.main
    cli.completion
    cli.completing
    cli.known
    cli.confirm
    cli.given_file
    cli.pending
    cli.command
    cli.audited
    cli.call
    cli.show
    cli.terminal
    cli.forward
    cli.place
    cli.checkout
    cli.context
    cli.catalogue
    cli
    cloning
    retrying
    intake
    http.serve
    http.application
    http.credentials
    http
    gate
    refusals
    upload_pack
    receive_pack
    quarantine
    push_rules
    push_hooks
    follow
    push_wire
    http.gunicorn_conf
"""
STORY = """
    drain_process
    drains
    log_wishes
    log_stream
    demo
    importing
    clone_notes
    embedded
    embedded_processes
    doctor.story
    doctor.repair
    doctor.chain
    doctor.failed_requests
    doctor.front_door
    doctor.entrance
    doctor.ownership
    doctor.releases
    doctor.processes
    doctor.unit_files
    doctor.kept_data
    doctor.leftovers
    doctor.closed
    doctor.certificates
    doctor.surroundings
    doctor.disk
    doctor.embedded_server
    doctor.seen
    doctor
    installation
    renaming
    maintenance
    limits
    scheduler
    checks
    crons
    processes
    storage
    mounting
    control
    web_steps
    processes_now
    apps
    forecast
    rehearsal
    runs
    local
    local_web
    local_page
    local_crew
    local_watch
    local_build
    deploy
    capacity
    rollback_target
    phases
    compiling
    pushed_tree
    leaving_out
    declared
    config_change
    transition
    freezes
    pruning
    left_behind
    publishing
    checking
    building
    mount_links
    account_files
    app_jobs
    detached
    recovery
"""
DO = """
    executor
    background
    checkpoint
"""
LOOK = """
    audit_logs
    build_logs
    run_logs
    router_logs
    facts
    laptop
    server
"""
MACHINE = """
    storage_copies
    drain_records
    drain_pump
    drain_buffer
    drain_senders
    hosts.drain_keepers
    hosts.systemd
    hosts.systemd_accounts
    hosts.systemd_background
    hosts.systemd_timers
    hosts.systemd_journal
    hosts.systemd_jobs
    hosts.systemd_boot
    hosts.supervisord
    hosts.supervisor_background
    hosts.supervisor_logs
    hosts.supervisor_stamps
    hosts.supervisor_rpc
    hosts.plain_jobs
    hosts.memory
    hosts
    request_logs
    nginx
    keys
    access
    audit
    buildpack_store
    pythons
    run_records
    profile_files
    builds
    config_history
    records
    release_times
    transcripts
    log_files
    log_parts
    workers
    app_memory
    health
    answers
    interpreters
    pip_settings
    remotes
    completion_scripts
    working_tree
    git
    lock
    watcher
    guarded
    sockets
    lifetimes
    shell
    files
    clock
"""
DECIDE = """
    planner.telling
    planner.firewall_rules
    planner.nginx_dump
    planner.unit_states
    planner.wanted_access
    planner.local_changes
    planner.local_lines
    planner.local_formation
    planner.formation
    planner.log_times
    planner.journal
    planner.process_ends
    planner.limit_files
    planner.background_units
    planner.background_programs
    planner.embedded_files
    planner.sites
    planner.router_lines
    planner.rotation
    planner.drain_units
    planner.drain_frames
    planner.timers
    planner.systemd_units
    planner.concurrency
    planner.sandbox
    planner.on_calendar
    planner.supervisor_programs
    planner.app_log
    planner.swap
    planner.tree
    planner.imported_heroku
    planner.imported_piku
    planner.imported_checks
    planner.tables
    planner.slugignore
    planner.declared_config
    planner.declared_checks
    planner.declared_scale
    planner.diagnosis
    planner.causes_around
    planner.causes_imports
    planner.package_names
    planner.pushed
    planner.retention
    planner.render
    planner
"""
BUILDPACKS = """
    buildpacks
    buildpacks.python
    buildpacks.python.collectstatic
    buildpacks.python.collectstatic_failures
    buildpacks.python.trials
    buildpacks.python.variables
    buildpacks.python.nltk
    buildpacks.python.discovery
    buildpacks.python.django
    buildpacks.python.modules
    buildpacks.python.values
    buildpacks.python.server
    buildpacks.python.entry
    buildpacks.python.frameworks
    buildpacks.python.install
    buildpacks.python.hooks
    buildpacks.python.interpreter
    buildpacks.python.packages
    buildpacks.python.requirements
    buildpacks.python.poetry
    buildpacks.python.pipfile
    buildpacks.python.pins
    buildpacks.python.markers
    buildpacks.python.pythons
    buildpacks.python.project
    buildpacks.python.versions
    buildpacks.python.explain
    buildpacks.python.build_failures
    buildpacks.procfile
    buildpacks.static
"""
VALUES = """
    model.release
    model.run
    model.webserver
    model.gunicorn_options
    model.commandline
    model.launchers
    model.imported
    model.manifest
    model.app_json
    model.finding
    model.plan
    model.formation
    model.settings
    model.mounts
    model.maintenance
    model.limits
    model.procfile
    model.classic
    model.check
    model.process_limits
    model.cron
    model.schedule
    model.layout
    model.config_formats
    model.public_key
    model.dotenv
    model.config_vars
    model.names
    model.mismatch
    model.cloned
    model.output
    model.build
    model.drain
    model.grant
    model.audit
    model.address
    model.freeze
    model.log_line
    model.errors
    model
    receiver
"""
LAYERS = {
    "edge": EDGE, "story": STORY, "do": DO, "look": LOOK, "machine": MACHINE, "decide": DECIDE,
    "buildpacks": BUILDPACKS, "values": VALUES,
}  # fmt: skip
USES = {
    # a push's own modules know the machine; the command line knows the stories
    "edge": {"story", "look", "machine", "values"},
    "story": {"do", "look", "machine", "decide", "buildpacks", "values"},
    "do": {"look", "machine", "values"},
    # a question about nginx's file is answered by planning it
    "look": {"machine", "decide", "values"},
    # a host writes what was decided for it; it decides nothing
    "machine": {"decide", "values"},
    "decide": {"values"},
    "buildpacks": {"values"},
    "values": set[str](),
}
PLACE = {
    module: (layer, row)
    for layer, names in LAYERS.items()
    for row, module in enumerate(names.split())
}

DOORWAYS = {
    "click": {"cli"},
    "dulwich": {"push_wire", "push_rules", "receive_pack"},
    "jinja2": {"planner.render"},
    "rich": {"cli.show"},
    "sh": {"shell"},
    "supervisor": {"hosts.supervisor_stamps"},
    "subprocess": {"shell", "git", "follow", "hosts.plain_jobs", "hosts.systemd_jobs"},
    "toml": {"records"},
    "watchdog": {"watcher"},
}
"""The only modules, or packages of them, that import each of these."""
READ_ENVIRONMENT = {
    "cli.context": "what a person typed in which surroundings",
    "gate": "sshd's SSH_ORIGINAL_COMMAND, and SHIP_ROOT",
    "intake": "SHIP_ROOT and SSH_CLIENT, from the hook",
    "http.serve": "SHIP_ROOT, from supervisord",
    "git": "handed on to git, without what would lead it elsewhere",
    "nginx": "PATH, to find nginx in the folders of an administrator too",
}
SOURCES = [
    path
    for folder in ("receiver", "buildpacks")
    for path in sorted((PROJECT / folder).rglob("*.py"))
    if "runtime" not in path.parts
]
RUNTIME = sorted((PROJECT / "receiver/runtime").glob("*.py"))


def _module(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts if parts == ("receiver",) or parts[0] == "buildpacks" else parts[1:])


MODULES = {_module(path): path for path in SOURCES}


def test_every_module_has_one_place() -> None:
    listed = list(chain.from_iterable(names.split() for names in LAYERS.values()))
    assert len(listed) == len(set(listed))
    assert set(listed) == set(MODULES)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down(module: str) -> None:
    layer, row = PLACE[module]
    for imported in sorted(_ours(MODULES[module]) - {module}):
        other_layer, other_row = PLACE[imported]
        if other_layer == layer:
            assert other_row > row, f"{module} imports {imported}, which stands above it"
        else:
            assert other_layer in USES[layer], (
                f"{module} ({layer}) imports {imported} ({other_layer})"
            )


@pytest.mark.parametrize("library", sorted(DOORWAYS))
def test_a_library_is_imported_by_its_doorway_alone(library: str) -> None:
    users = {module for module, path in MODULES.items() if library in _others(path)}
    doorways = DOORWAYS[library]
    assert users, f"Nothing imports {library}: is it still needed?"
    assert {user for user in users if not doorways & {user, user.partition(".")[0]}} == set()


def test_every_change_of_an_app_passes_where_a_freeze_is_looked_for() -> None:
    users = {module for module, path in MODULES.items() if "app_lock" in path.read_text()}
    # a clone only reads its original; undoing what was cut off changes nothing that somebody wanted
    assert users == {"lock", "freezes", "recovery", "cloning"}


def test_the_environment_is_read_at_the_edges_alone() -> None:
    readers = {module for module, path in MODULES.items() if "environ" in set(_attributes(path))}
    assert readers == set(READ_ENVIRONMENT)


@pytest.mark.parametrize("path", RUNTIME, ids=lambda path: path.name)
def test_the_runtime_imports_nothing_that_an_app_may_lack(path: Path) -> None:
    assert not _ours(path)
    beside = {f"ship_runtime_{other.stem}" for other in RUNTIME} | {"storage_files"}
    assert _others(path) <= sys.stdlib_module_names | beside | {"gunicorn"}


@pytest.mark.parametrize("start", ["cli.main", "gate"])
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
        (("server", "clone_notes", "hosts.systemd"), {"executor", "recovery", "renaming"}),
        (("intake", "deploy", "hosts.systemd"), {"build_logs", "renaming", "watcher"}),
    ],
    ids=["opening a server", "a push"],
)
def test_what_every_push_or_command_does_loads_no_more_than_it_needs(
    starts: tuple[str, ...], spared: set[str]
) -> None:
    loaded, _ = _loaded(*starts)
    of_logs = {"log_files", "hosts.systemd_journal"}
    of_the_other_host = {"hosts.supervisord", "hosts.supervisor_rpc"}
    assert not loaded & (spared | of_logs | of_the_other_host)


def _loaded(*starts: str) -> tuple[set[str], set[str]]:
    """What the start of these modules loads: modules of ship's, and libraries."""
    loaded, libraries, waiting = set[str](), set[str](), list(starts)
    while waiting:
        module = waiting.pop()
        if module in loaded or module not in MODULES:
            continue
        loaded.add(module)
        at_once = ast.parse(MODULES[module].read_text()).body
        names = set(chain.from_iterable(_named(node) for node in at_once))
        libraries |= {name.split(".")[0] for name in names}
        waiting += [name.removeprefix("receiver.") for name in names]
    return loaded, libraries


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        yield from _named(node)


def _named(node: ast.AST) -> Iterator[str]:
    """Modules that one statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            # `from receiver import files` imports a module, `from receiver.files import x` a name of one
            inner = (PROJECT / node.module.replace(".", "/") / alias.name).with_suffix(".py")
            is_module = inner.exists() or inner.with_suffix("").is_dir()
            yield f"{node.module}.{alias.name}" if is_module else node.module


def _ours(path: Path) -> set[str]:
    names = (name for name in _imports(path) if name.split(".")[0] in {"receiver", "buildpacks"})
    return {name.removeprefix("receiver.") for name in names}


def _others(path: Path) -> set[str]:
    return {name.split(".")[0] for name in _imports(path)} - {"receiver", "buildpacks"}


def _attributes(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.attr
