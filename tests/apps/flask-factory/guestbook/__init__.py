"""A guestbook: the application factory."""

import os

from flask import Flask, render_template


def create_app(config=None):
    app = Flask(__name__, instance_relative_config=True)
    # SQLite lies in the instance folder, and on a server in the folder that outlives a deploy.
    data = os.environ.get("SHIP_STORAGE", app.instance_path)
    app.config.from_mapping(
        SECRET_KEY=os.environ.get("SECRET_KEY", "dev"),
        DATABASE=os.path.join(data, "guestbook.sqlite"),
    )
    if config is None:
        app.config.from_pyfile("config.py", silent=True)
    else:
        app.config.update(config)
    os.makedirs(app.instance_path, exist_ok=True)

    from . import api, db, pages

    db.init_app(app)
    app.register_blueprint(pages.bp)
    app.register_blueprint(api.bp)
    app.register_error_handler(404, lambda error: (render_template("404.html"), 404))
    return app
