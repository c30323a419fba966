"""The values of the whole program: names, settings, releases, steps, errors.

What lives here is a type with its parsing, its limits and its sentences; no file, clock or process
stands behind it. It imports nothing of Ship.
"""
