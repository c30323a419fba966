"""A plan in words: what each step would do, with the difference that it would make to a file."""

from collections.abc import Callable

from receiver.model import plan as steps
from receiver.model.plan import AnyStep
from receiver.planner.formation import shown

Read = Callable[[str], str | None]
"""The text of a file as it is; None where there is none."""


def tell(step: AnyStep, read: Read) -> list[str]:
    """Say what a step would do; the lines behind the first are details."""
    match step:
        case steps.WriteFile(path, text):
            return [f"Write {path}", *difference(read(path), text)]
        case steps.ChangeUnits(_, files):
            return [line for path, text in files.items() for line in _file(path, text, read)]
        case steps.ChangeSite(_, path, _, text):
            return [*_file(path, text, read), "Have nginx test it, and read it"]
        case steps.Link(path, target):
            return [f"Have {path} lead to {target}"]
        case _:
            return [_sentence(step)]


def difference(before: str | None, after: str) -> list[str]:
    """The lines that go and come, with a little of what is around them."""
    import difflib  # noqa: PLC0415 - only a plan is told so

    lines = difflib.unified_diff(
        (before or "").splitlines(), after.splitlines(), n=1, lineterm="", fromfile="", tofile=""
    )
    # two lines with names, none of which is of interest, come first
    return [f"  {line}" for line in list(lines)[2:] if not line.startswith("@@")]


def _file(path: str, text: str | None, read: Read) -> list[str]:
    there = read(path)
    if text is None:
        return [f"Remove {path}"]
    if there == text:
        return [f"Leave {path} as it is"]
    return [f"Write {path}", *difference(there, text)]


def _sentence(step: AnyStep) -> str:
    match step:
        case steps.AimSlot(_, slot, version, reload=True):
            return (
                f"Have slot {slot} take v{version} over in place: HUP, new workers beside the "
                "old ones"
            )
        case steps.AimSlot(_, slot, version):
            return f"Point slot {slot} at v{version}" if version else f"Point slot {slot} nowhere"
        case steps.StartSlot(_, slot):
            return f"Start slot {slot}"
        case steps.StopSlot(_, slot):
            return f"Stop slot {slot}, if it runs, when its requests have been answered"
        case steps.EnableSlot(_, slot):
            return f"Have slot {slot} started at boot" if slot else "Have no slot started at boot"
        case _:
            return _question(step)


def _question(step: AnyStep) -> str:
    match step:
        case steps.AwaitRelease(_, slot, version, limit_s):
            return (
                f"Wait until every worker of slot {slot} is of v{version}, for {limit_s:g} s at "
                "most"
            )
        case steps.AwaitAnswer(_, slot, port, limit_s):
            return f"Wait until slot {slot} answers on port {port}, for {limit_s:g} s at most"
        case steps.AskThroughNginx(_, check):
            return f"Ask for {check.path} through nginx, and go back if the answer is not the app's"
        case steps.SetFormation(_, wanted):
            return f"Have these processes run besides web: {shown(wanted) or 'none'}"
        case steps.RestartProcesses(_, names):
            return f"Stop these processes, and start them afresh: {', '.join(names)}"
        case _:
            return " ".join((type(step).__doc__ or "").split()).partition(".")[0]
