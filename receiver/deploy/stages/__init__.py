"""The four stages of a release: decide, build, stand ready, take over.

Each is a function that takes what the stage before it returned, so that a story can stop after any
of them: a plan after the first, a check after the third. Stages import `building`, `processes`,
`deploy.tree`, `deploy.app_json` and what is below them, and never a story of `deploy`.
"""
