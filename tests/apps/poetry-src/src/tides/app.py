from pathlib import Path

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

HERE = Path(__file__).parent
HOURS = {"dover": "04:12", "brest": "06:40"}
templates = Jinja2Templates(directory=HERE / "templates")


async def index(request):
    return templates.TemplateResponse(request, "index.html", {"hours": HOURS})


async def port(request):
    name = request.path_params["name"]
    if name not in HOURS:
        return JSONResponse({"error": f"No tide is known for {name}."}, status_code=404)
    return JSONResponse({"port": name, "high_water": HOURS[name]})


app = Starlette(
    routes=[
        Route("/", index),
        Route("/ports/{name}", port),
        Mount("/static", StaticFiles(directory=HERE / "static"), name="static"),
    ]
)
