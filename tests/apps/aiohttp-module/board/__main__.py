import logging
import os

from aiohttp import web

from .app import make_app

logging.basicConfig(level=logging.INFO)
web.run_app(make_app(), host="127.0.0.1", port=int(os.environ.get("PORT", "8080")))
