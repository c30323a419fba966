"""Doorways to the machine itself: files, locks, programs, git, sockets, clocks, and what watches
them.

A module belongs here if it would make sense on a machine that had no app. It imports the values of
`model`.
"""
