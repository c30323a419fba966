"""Ship: `git push` deployment of Python web apps on a server you own."""

__version__ = "0.1.0"
