"""The processes of an app: what runs, stop and start, scale, limits, and what would still fit.

Questions and changes about processes live here, whether a release is live or not. It imports
`changes` and what is below it.
"""
