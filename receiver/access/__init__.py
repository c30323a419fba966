"""Who may do what: keys and tokens, their grants, and the record of what was done with them.

Questions of permission are answered here and asked at the doors, `push` and `cli`. It imports the
records and what is below them.
"""
