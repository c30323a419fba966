import os

from flask import Flask, render_template_string

VERSION = "1"

PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{{ greeting }}</title>
  <style>
    body { font: 18px/1.6 system-ui, sans-serif; max-width: 34rem; margin: 18vh auto; padding: 0 1.5rem; color: #1c2733; }
    h1 { font-size: 2.6rem; margin: 0; }
    p { color: #52606d; }
    code { background: #eef2f6; border-radius: 4px; padding: .15em .4em; }
  </style>
</head>
<body>
  <h1>{{ greeting }}</h1>
  <p>This is version {{ version }} of the app.</p>
  <p>Change <code>VERSION</code> in <code>app.py</code>, commit and push; or say
     <code>ship config:set GREETING=Hi</code>.</p>
</body>
</html>
"""

app = Flask(__name__)


@app.get("/")
def index():
    greeting = os.environ.get("GREETING", "Hello from Ship")
    return render_template_string(PAGE, greeting=greeting, version=VERSION)


@app.get("/version")
def version():
    return {"version": VERSION}
