"""Names of other people's packages that make a web application, and what each one makes."""

from typing import Literal

Interface = Literal["wsgi", "asgi", "aiohttp", "neither"]

LAST_RESORT = frozenset({"dash.Dash"})
"""An application itself in its newest versions; one of its attributes is one in all of them."""

CONSTRUCTORS: dict[str, Interface] = {
    "a2wsgi.ASGIMiddleware": "wsgi",
    "a2wsgi.WSGIMiddleware": "asgi",
    "apiflask.APIFlask": "wsgi",
    "aiohttp.web.Application": "aiohttp",
    "asgiref.wsgi.WsgiToAsgi": "asgi",
    "blacksheep.Application": "asgi",
    "bottle.Bottle": "wsgi",
    "bottle.default_app": "wsgi",
    "channels.routing.ProtocolTypeRouter": "asgi",
    "connexion.AsyncApp": "asgi",
    "connexion.FlaskApp": "asgi",
    "dash.Dash": "wsgi",
    "django.core.asgi.get_asgi_application": "asgi",
    "django.core.wsgi.get_wsgi_application": "wsgi",
    "falcon.API": "wsgi",
    "falcon.App": "wsgi",
    "falcon.asgi.App": "asgi",
    "fastapi.FastAPI": "asgi",
    "fasthtml.common.FastHTML": "asgi",
    "fasthtml.common.fast_app": "asgi",
    "flask.Flask": "wsgi",
    "flask.app.Flask": "wsgi",
    "flask_openapi3.OpenAPI": "wsgi",
    "litestar.Litestar": "asgi",
    "quart.Quart": "asgi",
    "sanic.Sanic": "asgi",
    "socketio.ASGIApp": "asgi",
    "socketio.WSGIApp": "wsgi",
    "starlette.applications.Starlette": "asgi",
    "whitenoise.WhiteNoise": "wsgi",
}
"""What a call of the name gives. `neither` can be served by one of its attributes only."""

SERVABLE_ATTRIBUTES: dict[str, Interface] = {"dash.Dash.server": "wsgi"}
"""Attributes of such an object that are an application."""

METHODS: dict[str, Interface] = {"make_wsgi_app": "wsgi"}
"""Methods that give an application whatever they are called on: Pyramid's."""
