"""What an app keeps: its storage, its mounts, and what it wrote into a release.

Only modules here touch files that belong to an app's account, and they do so as that account. It
imports `processes`, `changes` and what is below them.
"""
