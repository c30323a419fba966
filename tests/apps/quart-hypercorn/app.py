import hashlib

from quart import Quart, redirect, render_template, request, url_for, websocket

app = Quart(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024 * 1024
messages = []


@app.get("/")
async def index():
    return await render_template("index.html", messages=messages)


@app.post("/")
async def post():
    form = await request.form
    messages.append(form["message"])
    return redirect(url_for("index"))


@app.post("/upload")
async def upload():
    digest, size = hashlib.sha256(), 0
    async for chunk in request.body:
        digest.update(chunk)
        size += len(chunk)
    return {"size": size, "sha256": digest.hexdigest()}


@app.websocket("/echo")
async def echo():
    while True:
        await websocket.send(f"you said {await websocket.receive()}")


@app.errorhandler(404)
async def not_found(error):
    return await render_template("404.html"), 404


if __name__ == "__main__":
    app.run()
