"""Log drains: send an app's log on to a receiver elsewhere.

Their records, the one process that stays, and what it sends in which form live here. It imports
`logs`, `changes` and what is below them.
"""
