"""What systemctl says of units, as doctor reads it."""

from receiver.hosts.systemd.doctor.unit_states import unit_states

SAID = """\
Id=ship-blog.web@a.service
LoadState=loaded
ActiveState=activating
SubState=auto-restart
UnitFileState=enabled
DropInPaths=/etc/systemd/system/ship-blog.web@.service.d/mine.conf \
/run/systemd/system.control/x.conf /usr/lib/systemd/system/service.d/10.conf
NeedDaemonReload=yes
Result=exit-code
NRestarts=4
MainPID=0
ExecMainStatus=3

Id=nginx.service
LoadState=masked
ActiveState=inactive
SubState=dead
UnitFileState=masked-runtime
DropInPaths=
NeedDaemonReload=no
Result=success
MainPID=0
"""


def test_each_unit_is_a_value() -> None:
    found = unit_states(SAID)
    slot, nginx = found["ship-blog.web@a.service"], found["nginx.service"]
    assert (slot.runs, slot.outdated, slot.restarts, slot.status) == (False, True, 4, 3)
    assert (slot.is_masked, nginx.is_masked, nginx.is_masked_until_boot) == (False, True, True)
    assert nginx.drop_ins == ()


def test_only_drop_ins_of_somebody_elses_are_told() -> None:
    (mine,) = unit_states(SAID)["ship-blog.web@a.service"].drop_ins
    assert mine.endswith("mine.conf")


def test_a_unit_is_told_in_a_sentence() -> None:
    assert unit_states(SAID)["ship-blog.web@a.service"].shown == (
        "systemd says of ship-blog.web@a.service: activating (auto-restart), result exit-code,"
        " exit status 3, started again 4 times."
    )


def test_of_nothing_comes_nothing() -> None:
    assert unit_states("\n\n") == {}
