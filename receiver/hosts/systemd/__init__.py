"""The machine whose processes systemd keeps: units, timers, accounts, jobs, the journal.

All that is known of systemd is known here. It imports `hosts` and what is below, and never the
other implementation.
"""
