"""How anything about an app is changed: locked, planned, journalled, done, or undone.

A step of a plan is done here, and so is its opposite; which steps there are is decided by the
stories above. It imports the server and what is below it.
"""
