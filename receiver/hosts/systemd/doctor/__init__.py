"""What only a machine with systemd can have wrong: units, accounts, sshd, sudo, what lies around.

It says it in findings and changes nothing by itself. It imports `hosts.systemd` and what is below,
and only the host imports it, when `ship doctor` asks.
"""
