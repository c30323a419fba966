"""How a new release takes over from the old one, with somebody serving at every moment.

In place, by HUP, when virtualenv and server are the same; otherwise the other slot is started on
the same held socket before the old one is stopped. The new release has passed its check before any
of this. Where the ship.toml of one of the two says `stop-first`, the old one ends before that.
"""

from collections.abc import Callable, Collection, Mapping

import msgspec

from receiver.model.formation import Formation
from receiver.model.layout import SlotLetter
from receiver.model.plan import (
    AimSlot,
    AnyStep,
    AskThroughNginx,
    AwaitAnswer,
    AwaitRelease,
    ChangeSite,
    EnableSlot,
    Link,
    Plan,
    SetFormation,
    StartSlot,
    StopSlot,
)
from receiver.model.release import Release
from receiver.model.settings import App


class SwapFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a swap depends on, looked up once before it is planned."""

    new: Release
    old: Release | None
    """The release that serves now; None before the first."""
    slot: SlotLetter
    """Slot of the old release."""
    running: Mapping[SlotLetter, int]
    """The slots that run or are about to be started again, by main process; 0 while it has none."""
    same_start: bool
    """Whether the config vars that only a freshly started program reads are the same in both."""
    settings: App
    current: Link
    """The link that says which release's static files nginx serves."""
    site: Callable[[SlotLetter], ChangeSite | None]
    """The change of nginx's file for a slot, or None when it already says the right thing."""

    @property
    def old_runs(self) -> bool:
        """Whether the old release has a process that could take another one over."""
        return self.old is not None and bool(self.running.get(self.slot))


class Swap(msgspec.Struct, frozen=True):
    """The steps, and the slot that serves when they are done."""

    slot: SlotLetter
    plan: Plan
    how: str
    """For the push log."""


def plan_swap(facts: SwapFacts) -> Swap:
    """Decide how `facts.new` takes over."""
    if facts.settings.stopped or facts.new.served != "process":
        return _without_process(facts)
    if stops_first(facts.old, facts.new):
        return _by_handover(facts, stopped=True)
    if facts.old_runs and facts.same_start and can_reload(facts.old, facts.new):
        return _in_place(facts)
    return _by_handover(facts)


def stops_first(old: Release | None, new: Release) -> bool:
    """Whether the old processes end before anything of the new release starts.

    One of the two is enough: a rollback to a release from before the setting needs it as well.
    """
    return old is not None and "stop-first" in {old.order, new.order}


def plan_stop_first(
    old: Release | None,
    new: Release,
    running: Collection[SlotLetter],
    formation: Formation,
) -> Plan:
    """The steps that end what runs of an app, where that comes first; web last, for a short gap."""
    if not stops_first(old, new):
        return ()
    background = (SetFormation(new.app, {}),) if formation else ()
    return (*background, *(StopSlot(new.app, slot) for slot in sorted(running)))


def can_reload(old: Release | None, new: Release) -> bool:
    """Whether a running master of `old` can take over `new` by HUP.

    Interpreter and virtualenv are the master's for as long as it lives; options and config vars are
    not: they are read again.
    """
    if old is None or "web" not in old.processes:
        return False
    same_python = (old.venv, old.python) == (new.venv, new.python)
    return same_python and new.processes["web"].takes_over(old.processes["web"])


def other(slot: SlotLetter) -> SlotLetter:
    return "b" if slot == "a" else "a"


def next_slot(facts: SwapFacts) -> SlotLetter:
    """The slot that a handover starts: the free one."""
    return other(facts.slot) if facts.old is not None else "a"


def _in_place(facts: SwapFacts) -> Swap:
    app, slot, version = facts.new.app, facts.slot, facts.new.version
    plan: list[AnyStep] = [
        AimSlot(app, slot, version, reload=True),
        AwaitRelease(app, slot, version, float(facts.settings.check_limit_s)),
        *_route(facts, slot),
        *_stop_others(facts, slot),
    ]
    return Swap(slot, tuple(plan), f"Workers of slot {slot} are replaced one by one.")


def _by_handover(facts: SwapFacts, *, stopped: bool = False) -> Swap:
    """`stopped` is where the old release has been stopped before."""
    app, slot, new = facts.new.app, next_slot(facts), facts.new
    plan: list[AnyStep] = [
        # one left over by an earlier life would not be started again
        *((StopSlot(app, slot),) if slot in facts.running else ()),
        AimSlot(app, slot, new.version),
        StartSlot(app, slot),
        _await_slot(facts, slot),
        EnableSlot(app, slot),
        *_route(facts, slot),
    ]
    others = () if stopped else _stop_others(facts, slot)
    if others and facts.old is not None:
        how = f"Slot {slot} takes over from slot {facts.slot}."
        return Swap(slot, (*plan, *others), how)
    return Swap(slot, (*plan, *others), f"Slot {slot} is started.")


def _stop_others(facts: SwapFacts, slot: SlotLetter) -> Plan:
    """Exactly one slot is left: also one that nobody knows of would serve, on the same socket."""
    return tuple(StopSlot(facts.new.app, each) for each in sorted(facts.running) if each != slot)


def _without_process(facts: SwapFacts) -> Swap:
    app, slot = facts.new.app, facts.slot
    plan: list[AnyStep] = [AimSlot(app, slot, facts.new.version), *_route(facts, slot)]
    plan += [StopSlot(app, each) for each in sorted(facts.running)]
    plan.append(EnableSlot(app, None))
    if facts.new.served == "files":
        return Swap(slot, tuple(plan), "nginx serves the files.")
    if facts.new.served == "process":
        return Swap(slot, tuple(plan), "Web was stopped, and stays so: `ship ps:start` starts it.")
    return Swap(slot, tuple(plan), "No web process runs.")


def _await_slot(facts: SwapFacts, slot: SlotLetter) -> AnyStep:
    new, limit_s = facts.new, float(facts.settings.check_limit_s)
    if new.gunicorn:
        return AwaitRelease(new.app, slot, new.version, limit_s)
    port = facts.settings.own_port(slot)
    line = new.lines.get("web", "")
    return AwaitAnswer(new.app, slot, port, limit_s, new.check, line, new.fixed_port)


def _route(facts: SwapFacts, slot: SlotLetter) -> tuple[AnyStep, ...]:
    site = facts.site(slot)
    change = (facts.current,) if site is None else (facts.current, site)
    if facts.settings.stopped or facts.new.served == "nothing":
        return change
    return (*change, AskThroughNginx(facts.new.app, facts.new.check))
