"""Why an app did not start, in Python's terms, from what it wrote and how it ended.

Everything here is pure; an explanation is a row in a list of causes, with the words that the user
reads. It imports `model` alone.
"""
