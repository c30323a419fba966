"""Health checks: asks an app whether it is alive, and reads what its workers report.

What an answer means belongs here; what is done about it does not. It imports `model` and
`machine`.
"""
