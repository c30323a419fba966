"""Defaults that are needed where importing all settings would cost a push its time."""

MAX_PUSH_MB = 512
"""Size limit, in MiB, of the objects in one push."""
MAX_TREE_FILES = 100_000
"""Most files and folders of one pushed commit."""
MAX_TREE_MB = 1024
"""Size limit, in MiB, of the files of one pushed commit once they are unpacked."""
QUIET_LIMIT_S = 60
"""Seconds for which a client may send nothing in the middle of a push."""
MAX_PROCESSES = 64
"""Most processes of one type, and most workers of web."""
