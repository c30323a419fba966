"""The commands about an app as a whole: make, list, lock, rename, clone, destroy and open it.

A module here is one deed of `ship apps`, with its part on the laptop and its part on the server.
It imports the stories of the room `apps`, late, and of other commands only `config.pending`.
"""
