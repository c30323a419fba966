"""The results as a page: docs/benchmarks.md is what this made of a real run."""

from collections import defaultdict
from statistics import median
from typing import Any

STEPS = {
    "first": "first push of a new app",
    "code": "code-only change",
    "dependency": "changed dependency",
    "config": "config:set",
    "rollback": "rollback",
}
NAMES = {"ship": "Ship", "hand": "by hand"}
APP = "ship-bench"
"""Account and journal of the app that ship runs."""
HEAD = """# Benchmarks

Made by `bench/run` on {date}, commit {commit}: {system}, {processors} processors, {memory_gib} GiB,
Python {python}, as a systemd machine on a computer that is shared with other work (load average
{load}). So the absolute times are worth less than the ratios of one run. Medians of {rounds}
rounds; in each, every side did every step.

The app is one page of Flask with two gunicorn workers. Everything is measured from outside: `git
push` goes over ssh, and the page is asked for through nginx every 10 ms until it shows what was
pushed.

- **Floor**: the same push over the same ssh to a bare repository without a hook.
- **By hand**: what tutorials teach. A bare repository whose post-receive does `git checkout -f`,
  `venv/bin/pip install -r requirements.txt` and `sudo systemctl reload`; its unit, virtualenv and
  nginx file were written by hand before. It has no first push, config vars or rollback to be
  measured.
"""
FOOT = """
## Again

As root, on a machine that can run the tests: `bench/run --page docs/benchmarks.md --json
results.json`. A peer's server is measured by its remote and the address of its page: `bench/run
--peer NAME REMOTE ADDRESS`.
"""


def render(results: dict[str, Any]) -> str:
    """The whole page."""
    machine = results["machine"]
    head = HEAD.format(
        date=results["date"],
        commit=results["commit"],
        rounds=results["rounds"],
        load=machine["load_average"][0],
        **{name: machine[name] for name in ("system", "processors", "memory_gib", "python")},
    )
    parts = (_times(results), _load(results), _broken(results), _memory(results))
    return head + "\n".join(parts) + "\n" + FOOT


def _times(results: dict[str, Any]) -> str:
    times = results["times"]
    sides = [name for name in times if name != "floor"]
    floor = median(took["returned_s"] for took in times["floor"]["code"])
    code = {name: _live(times[name]["code"]) for name in sides}
    header = ["", *(f"{_name(side)} {what}" for side in sides for what in ("live", "returned"))]
    rows = [header, ["---"] + ["---:"] * (len(header) - 1)]
    for step, title in STEPS.items():
        cells = [_cells(times[side].get(step, [])) for side in sides]
        rows.append([title, *(cell for pair in cells for cell in pair)])
    lines = [
        "",
        "## Push to live",
        "",
        "Seconds from typing the command: the median, and the least in brackets.",
        "",
        *map(_row, rows),
        "",
    ]
    lines.append(
        f"The floor was {floor:.2f} s, the app's own import {median(results['imports_s']):.2f} s."
    )
    for name in sides:
        against = (
            "" if name == "hand" else f", {code[name] / code['hand']:.2f} of the hand-made hook"
        )
        lines.append(
            f"{_name(name).capitalize()}: a code-only change was live after "
            f"{code[name] / floor:.2f} floors{against}."
        )
    return "\n".join(lines)


def _live(taken: list[dict[str, float]]) -> float:
    return median(took["live_s"] for took in taken)


def _cells(taken: list[dict[str, float]]) -> tuple[str, str]:
    if not taken:
        return "-", "-"
    live, returned = ([took[key] for took in taken] for key in ("live_s", "returned_s"))
    return f"{median(live):.2f} ({min(live):.2f})", f"{median(returned):.2f} ({min(returned):.2f})"


def _load(results: dict[str, Any]) -> str:
    rows = [
        ["", "requests", "lost", "longest gap", "longest request"],
        ["---", "---:", "---:", "---:", "---:"],
    ]
    for name, told in results["load"].items():
        gap, longest = f"{told['longest_gap_s']} s", f"{told['longest_request_s']} s"
        rows.append([_name(name), str(told["requests"]), str(told["lost"]), gap, longest])
    title = "Ten code-only pushes, one after the other, while eight clients ask for the page."
    return "\n".join(["", "## Requests lost", "", title, "", *map(_row, rows)])


def _broken(results: dict[str, Any]) -> str:
    rows = [
        ["", "exit status of git push", "the site then", "after the next good push"],
        ["---"] * 4,
    ]
    for name, told in results["broken"].items():
        answers = ", ".join(told["answers"])
        rows.append([_name(name), str(told["push_status"]), answers, told["answers_after_it"]])
    title = "A push whose app.py cannot be imported."
    return "\n".join(["", "## A broken push", "", title, "", *map(_row, rows)])


def _memory(results: dict[str, Any]) -> str:
    by_owner: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for process in results["memory"]:
        by_owner[process["owner"]].append(process)
    rows = [["account", "processes", "PSS", "what they are"], ["---", "---:", "---:", "---"]]
    for owner, found in sorted(by_owner.items()):
        total_mib = sum(process["pss_kib"] for process in found) / 1024
        programs = ", ".join(sorted({_program(process["command"]) for process in found}))
        rows.append([owner, str(len(found)), f"{total_mib:.1f} MiB", programs])
    title = (
        "Resident when nothing happens: every process of the machine, by account. `deploy` "
        "is the hand-made site,"
        " `ship-bench` the app that ship runs. Nothing of ship itself stays in memory."
    )
    return "\n".join(["", "## Memory", "", title, "", *map(_row, rows), "", _of_one_app(results)])


def _of_one_app(results: dict[str, Any]) -> str:
    """What an app costs with what runs for it alone under another account."""
    processes, journals = (
        sum(found["pss_kib"] for found in results["memory"] if is_one(found)) / 1024
        for is_one in (lambda found: found["owner"] == APP, _is_journal)
    )
    return (
        f"So one idle app costs {processes + journals:.1f} MiB: {processes:.1f} for its own "
        f"processes, and {journals:.1f}"
        " for the journald that keeps its lines, which is of the account root."
    )


def _is_journal(found: dict[str, Any]) -> bool:
    command: str = found["command"]
    return command.endswith(f"systemd-journald {APP}")


def _program(command: str) -> str:
    words = command.split()
    if words and "python" in words[0] and len(words) > 1:
        return "gunicorn"
    return words[0].rpartition("/")[2].rstrip(":") if words else "-"


def _name(side: str) -> str:
    return NAMES.get(side, side)


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
