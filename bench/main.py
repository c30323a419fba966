"""The command line of `bench/run`: one run from the boot of a machine to the table."""

import argparse
import json
import os
import platform
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import against, page, tls
from bench.measure import Bench
from bench.server import NAME, install
from bench.sides import Side
from bench.tiny import Tree
from tests.vps import trees
from tests.vps.machine import Machine


def main(usage: str | None) -> int:
    """Measure, and write what was asked for; returns the exit status."""
    arguments = _parser(usage).parse_args()
    if os.geteuid() != 0:
        raise SystemExit("bench/run needs root: it boots a machine.")
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.against:
            print(against.compare(arguments.against, arguments.rounds, Path(scratch), _say))
            return 0
        if arguments.tls:
            print(tls.measure(arguments.rounds, Path(scratch), _say))
            return 0
        results = _measure(arguments, Path(scratch))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    text = page.render(results)
    if arguments.page:
        arguments.page.write_text(text)
    print(text)
    return 0


def _measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    with Machine.boot(trees.warm(), NAME, durable=True) as machine:
        print("Installing", flush=True)
        server = install(machine, folder)
        bench = Bench(server, folder / "trees", _peer(arguments.peer, folder), _say)
        bench.begin()
        for number in range(1, arguments.rounds + 1):
            _say(f"Round {number} of {arguments.rounds}")
            bench.round(number)
        _say("Redeploys under load")
        load = {side.name: bench.redeploy_under_load(side) for side in bench.pushed}
        _say("Idle")
        memory = bench.memory()
        _say("Broken pushes")
        broken = {side.name: bench.break_it(side) for side in bench.pushed}
        return {
            "date": datetime.now(tz=UTC).date().isoformat(),
            "commit": server.commit,
            "rounds": arguments.rounds,
            "machine": _machine(machine),
            "imports_s": bench.imports,
            "times": bench.times,
            "load": load,
            "broken": broken,
            "memory": memory,
        }


def _machine(machine: Machine) -> dict[str, Any]:
    release = machine.run(". /etc/os-release && echo $PRETTY_NAME").stdout.strip()
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "system": release,
        "processors": os.cpu_count(),
        "memory_gib": round(memory_kib / 1024 / 1024),
        "python": machine.run(("python3", "-V")).stdout.split()[1],
        "kernel": platform.release().split("-")[0],
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }


def _peer(words: list[str] | None, folder: Path) -> Side | None:
    if not words:
        return None
    name, remote, address = words
    parts = urlsplit(address)
    where = (parts.hostname or "", parts.port or 80, parts.netloc)
    # Its keys are the ones of whoever types this, so the environment is theirs.
    return Side(name, Tree(folder / "peer", os.environ), remote, where, os.environ)


def _parser(usage: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench/run", description=usage, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7, help="how often each step is measured")
    parser.add_argument("--json", type=Path, help="file for all numbers")
    parser.add_argument("--page", type=Path, help="file for the page, such as docs/benchmarks.md")
    parser.add_argument(
        "--against", metavar="COMMIT", help="measure what is committed beside that state of it"
    )
    parser.add_argument("--tls", action="store_true", help="measure https beside http")
    parser.add_argument("--peer", nargs=3, metavar=("NAME", "REMOTE", "ADDRESS"))
    return parser


def _say(text: str) -> None:
    print(text, flush=True)
