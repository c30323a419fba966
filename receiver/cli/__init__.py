"""The command line: reads words, finds the server they are for, shows and records results.

The plumbing that all commands share lives here; the commands themselves, a module per noun, live
in `commands`. It may import every room, late, because its start is part of every command.
"""
