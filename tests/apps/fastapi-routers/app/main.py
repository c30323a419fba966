from contextlib import asynccontextmanager

from fastapi import FastAPI

from .routers import chat, files, items
from .store import Store


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.store = Store.with_examples()
    yield
    app.state.store.close()


app = FastAPI(title="Stock", lifespan=lifespan)
app.include_router(items.router)
app.include_router(files.router)
app.include_router(chat.router)


@app.get("/")
async def index() -> dict[str, str]:
    return {"service": "stock", "edition": "first edition"}


@app.get("/health")
async def health() -> dict[str, bool]:
    return {"ready": app.state.store.open}
