import os
from pathlib import Path

import bottle
from bottle import Bottle, redirect, request, static_file, template

bottle.TEMPLATE_PATH.insert(0, "views")
app = Bottle()
LIST = Path(os.environ.get("SHIP_STORAGE", ".")) / "shopping.txt"


@app.get("/")
def index():
    things = LIST.read_text().splitlines() if LIST.exists() else []
    return template("index", things=things)


@app.post("/")
def add():
    with LIST.open("a") as shopping:
        print(request.forms.getunicode("thing"), file=shopping)
    redirect("/")


@app.get("/static/<path:path>")
def static(path):
    return static_file(path, root="static")


@app.error(404)
def not_found(error):
    return "There is no such page."


if __name__ == "__main__":
    app.run(host="localhost", port=8080, debug=True)
