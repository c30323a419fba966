"""A notice board, kept in memory, with a websocket that tells of new notices."""

import hashlib
from pathlib import Path

from aiohttp import WSMsgType, web

STATIC = Path(__file__).parent / "static"
NOTICES = web.AppKey("notices", list)
routes = web.RouteTableDef()


@routes.get("/")
async def index(request):
    return web.json_response({"edition": "first edition", "notices": request.app[NOTICES]})


@routes.post("/notices")
async def add(request):
    form = await request.post()
    request.app[NOTICES].append(str(form["text"]))
    return web.json_response({"notices": request.app[NOTICES]}, status=201)


@routes.post("/upload")
async def upload(request):
    digest, size = hashlib.sha256(), 0
    async for chunk in request.content.iter_chunked(65536):
        digest.update(chunk)
        size += len(chunk)
    return web.json_response({"size": size, "sha256": digest.hexdigest()})


@routes.get("/echo")
async def echo(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(f"you said {message.data}")
    return socket


async def open_board(app):
    app[NOTICES] = ["The board is open."]
    yield
    app[NOTICES].clear()


async def make_app():
    app = web.Application(client_max_size=1024**2)
    app.add_routes(routes)
    app.router.add_static("/static", STATIC)
    app.cleanup_ctx.append(open_board)
    return app
