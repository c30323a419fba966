"""Decisions that several rooms share: retention, swaps, processes, timers, rendering.

Everything here is pure: values in, values out. It imports `model` alone, and a decision that one
room alone takes lives in that room.
"""
