"""`ship doctor`: what is not as it should be, what it means, and its repair."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from receiver.cli import forward, show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, Command, command, for_app, with_json
from receiver.model.finding import Finding, Severity
from receiver.model.names import AppName
from receiver.model.terminal import harmless

if TYPE_CHECKING:
    from receiver.doctor.examination import Report

_INDENT = " " * 10
_SSH_FAILED = 255
"""What ssh ends with where it is not the command over there that failed; no command of ship's
does."""
_COUNTED: dict[Severity, tuple[str, str]] = {
    "broken": ("broken", "broken"),
    "warning": ("warning", "warnings"),
    "note": ("note", "notes"),
}


def _over_ssh(call: Call, place: Destination, **params: Any) -> int:
    """Have the server look; where ssh itself fails, tell what to check here."""
    app = () if params["everything"] else ("--app", call.app)
    status = forward.attach_ssh(place, ["doctor", *app, *call.words], call.environment)
    if status == _SSH_FAILED:
        from receiver.doctor import ssh_trouble

        raise ssh_trouble.explain(forward.ssh_says(place, call.environment), place.address)
    return status


class _DoctorCommand(Command):
    """Of the whole server for an admin's key that names no app, as for root."""

    def is_of_server(self, call: Call, params: dict[str, Any]) -> bool:
        """Whether it concerns no app this time, but the whole server."""
        asked = super().is_of_server(call, params)
        return asked or (call.key is not None and not _named(call) and _may_see_the_server(call))


@command(
    "doctor",
    cls=_DoctorCommand,
    over_ssh=_over_ssh,
    example="$ ship doctor -a blog\n=== blog\n"
    "broken    nginx's file of blog is missing.\n"
    "          Seen: There is no /etc/nginx/sites-available/ship-blog.conf.\n"
    "          So: Visitors of its name get 404, or another app's page.\n"
    "          Repair: `--fix` would write and enable it, and have nginx read it.\n\n"
    "1 broken. `ship doctor --fix -a blog` makes 1 repair, and looks again.",
)
@for_app
@click.option(
    "--all", "everything", is_flag=True, help="The whole server, whatever app a checkout names."
)
@click.option("--fix", is_flag=True, help="Mend what can be mended safely, and look again.")
@with_json
def doctor(call: Call, *, everything: bool, fix: bool, as_json: bool) -> int:
    """Compare the server and its apps with what they should be; of one app, tell why it does not
    answer. Exit code 12 when something is broken, or will be.
    """
    from receiver.doctor import examination as story

    only = call.app if _named(call) and not everything else None
    whole = _may_see_the_server(call)
    if fix:
        report = _heal(call, only, of_server=whole)
    else:
        report = story.examine(call.server, only, of_server=whole)
    if as_json:
        show.as_json(_as_data(report))
    else:
        _show(report, only, fix=fix)
    return report.exit_code


def _named(call: Call) -> bool:
    """Whether somebody said which app is meant."""
    return bool(call.said.app or call.said.remote or call.environment.app)


def _may_see_the_server(call: Call) -> bool:
    """Whether the server itself is theirs to look at: an admin's, or whoever types on it."""
    from receiver.access import grants as access

    return call.key is None or access.everywhere(call.layout, call.key) == "admin"


def _heal(call: Call, only: AppName | None, *, of_server: bool) -> "Report":
    from receiver.deploy import retrying
    from receiver.doctor import examination as story
    from receiver.model.output import Output

    def rebuild(app: AppName) -> int:
        return retrying.retry(call.server, app, call.by, show.transcript)

    out = Output(show.transcript)
    return story.heal(call.server, only, out, rebuild, of_server=of_server)


def _as_data(report: "Report") -> object:
    return {
        "findings": [each.as_data() for each in report.findings],
        "busy": dict(report.busy),
        "looked_at": list(report.looked_at),
    }


def _show(report: "Report", only: AppName | None, *, fix: bool) -> None:
    for app in (None, *report.looked_at):
        found = [each for each in report.findings if each.app == app]
        if found:
            show.heading(app or "the server")
        for each in found:
            _show_one(each)
        if found:
            show.data("")
    for app, holder in report.busy.items():
        show.data(f"{app} was left out: the {holder} is at work on it. Look again after it.")
    if summary := _summary(report, only, fix=fix):
        show.data(summary)


def _show_one(finding: Finding) -> None:
    show.data(f"{finding.severity:<10}{_plain(finding.title)}")
    for number, line in enumerate(finding.seen):
        show.data(f"{_INDENT}{'Seen: ' if number == 0 else '      '}{_plain(line)}")
    if finding.means:
        show.data(f"{_INDENT}So: {finding.means}")
    if finding.does:
        show.data(f"{_INDENT}Repair: `--fix` would {finding.does}.")
    if finding.advice:
        label = "Else" if finding.does else "Do"
        advice = f"\n{_INDENT}    ".join(map(_plain, finding.advice.splitlines()))
        show.data(f"{_INDENT}{label}: {advice}")


def _plain(text: str) -> str:
    return harmless(text, colours=False)


def _summary(report: "Report", only: AppName | None, *, fix: bool) -> str:
    if not report.findings:
        return _all_is_well(report)
    counts = Counter(each.severity for each in report.findings)
    told = ", ".join(
        f"{counts[kind]} {words[counts[kind] > 1]}"
        for kind, words in _COUNTED.items()
        if counts[kind]
    )
    can = sum(1 for each in report.findings if each.does)
    if fix or not can:
        return f"Left: {told}." if fix else f"{told}."
    line = f"ship doctor --fix -a {only}" if only else "ship doctor --fix"
    return f"{told}. `{line}` makes {can} repair{'s' if can > 1 else ''}, and looks again."


def _all_is_well(report: "Report") -> str:
    apps = [app for app in report.looked_at if app not in report.busy]
    told = ["the server"] if report.of_server else []
    if apps:
        told.append(apps[0] if len(apps) == 1 else f"{len(apps)} apps")
    return f"All is well: {' and '.join(told)}." if told else ""
