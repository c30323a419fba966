"""Defaults that are needed where importing all settings would cost a push its time."""

MAX_PUSH_MB = 512
"""Size limit, in MiB, of the objects in one push."""
MAX_PROCESSES = 64
"""Most processes of one type, and most workers of web."""
