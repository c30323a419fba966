import os

from fastapi import FastAPI

app = FastAPI(title="fastapi-hello")


@app.get("/")
async def index():
    return {"greeting": os.environ.get("GREETING", "Hello from Ship"), "version": "1"}
