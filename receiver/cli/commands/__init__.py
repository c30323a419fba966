"""The commands, one module per noun; a noun of three modules has a room.

A command reads its options, calls one story and shows what came of it. It may import every room;
commands import each other only for what they share.
"""
