"""The commands about config vars: read them, write them, edit them.

How they are given, what a change of them comes to and what is pending is here too, for the other
commands that need it. It imports `deploy` and the records late, and no other command.
"""
