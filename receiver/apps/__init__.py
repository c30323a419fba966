"""An app itself: create, destroy, rename, clone, its checks, its maintenance page.

What has to be done to all that belongs to an app is done here. It imports every room that keeps
something for an app.
"""
