"""Coming from Heroku, Dokku or Piku: translates the old platform's files to ship.toml.

Each platform has a module here; all but the last step is pure. It imports `deploy` for what
app.json declares, and `model`.
"""
