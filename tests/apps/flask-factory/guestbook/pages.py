from flask import Blueprint, flash, redirect, render_template, request, url_for

from .db import get_db

bp = Blueprint("pages", __name__)


@bp.get("/")
def index():
    entries = get_db().execute("SELECT name, text FROM entry ORDER BY id DESC LIMIT 50").fetchall()
    return render_template("index.html", entries=entries)


@bp.post("/")
def sign():
    name, text = request.form["name"].strip(), request.form["text"].strip()
    if not (name and text):
        flash("Please fill in both fields.")
        return redirect(url_for("pages.index"))
    db = get_db()
    with db:
        db.execute("INSERT INTO entry (name, text) VALUES (?, ?)", (name, text))
    flash(f"Thank you, {name}.")
    return redirect(url_for("pages.index"))
