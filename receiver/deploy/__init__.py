"""The story of a release: deploy, rollback, change of config vars, check and plan.

Each step that a release takes on its way to visitors is told here, in the order in which it
happens. It imports `building`, `processes` and what is below them, and no room imports it but those
that tell another story with it.
"""
