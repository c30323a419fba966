"""The records on disk: settings, releases, builds, config vars, what is live.

It reads and replaces whole records and decides nothing; where a record lies is `model.layout`'s to
say. It imports `model`, `machine` and what is decided in `planner`.
"""
