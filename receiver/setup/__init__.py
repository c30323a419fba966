"""Making and removing a server: the installation, the embedded server, the demo.

What happens once per machine, and again at an upgrade, lives here. It imports nearly everything
below it, because it starts it.
"""
