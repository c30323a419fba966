import hashlib

from flask import Blueprint, jsonify, request

from .db import get_db

bp = Blueprint("api", __name__, url_prefix="/api")


@bp.get("/entries")
def entries():
    rows = get_db().execute("SELECT id, name, text FROM entry ORDER BY id").fetchall()
    return jsonify([dict(row) for row in rows])


@bp.post("/upload")
def upload():
    """Takes a file of any size without holding it in memory."""
    digest, size = hashlib.sha256(), 0
    while chunk := request.stream.read(65536):
        digest.update(chunk)
        size += len(chunk)
    return jsonify(size=size, sha256=digest.hexdigest())
