"""Kinds of faults that `tests/faults` does to a server: a module each, listed in `main`.

A kind is a `Kind` of `ground`: a name, which is its option, its usual number, and what does one
fault and returns what was wrong afterwards.
"""
