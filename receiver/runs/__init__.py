"""Commands that run once in an app's release: attached, detached, or as cron jobs.

How a command gets its release, its variables and its end lives here; the unit that it runs in is
the host's. It imports `changes` and what is below it.
"""
