"""An app's log from all its sources, as one stream in order of time.

Each source of lines is a module of its own here, and following them together is another. It reads
the records of other rooms, and nothing imports it but drains and the command line.
"""
