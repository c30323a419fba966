"""Begins the list, where there is none yet."""

from app import LIST

if not LIST.exists():
    LIST.write_text("bread\n")
