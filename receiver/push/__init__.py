"""How a push comes in, over ssh and HTTP, and how its result goes back.

The door that asks who may, the protocols and the hand-over to a deploy live here; what becomes of
the push is told in `deploy`. It imports late, because its start is part of every push.
"""
