"""Measures of a real server from outside, and what they are compared with; `bench/run` is the
command."""
