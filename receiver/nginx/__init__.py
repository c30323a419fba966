"""Everything about nginx: its files, the program that tests and loads them, its log lines.

No other room writes a line of nginx's configuration or reads one of its logs. It imports records,
health and what is below them.
"""
