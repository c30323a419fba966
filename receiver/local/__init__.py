"""`ship local`: the server's own code on a laptop, reloading when files change.

What differs between a laptop and a server lives here; what is the same is imported. It imports
`deploy` and what is below it.
"""
