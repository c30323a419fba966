"""The machine whose processes supervisord keeps, all below one folder and without root.

All that is known of supervisord is known here. It imports `hosts` and what is below, and never the
other implementation.
"""
