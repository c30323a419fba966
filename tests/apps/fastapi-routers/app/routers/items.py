from fastapi import APIRouter, Form, HTTPException, status

from ..dependencies import StoreDep
from ..store import Item

router = APIRouter(prefix="/items", tags=["items"])


@router.get("/")
async def list_items(store: StoreDep) -> list[Item]:
    return list(store.items.values())


@router.get("/{name}")
async def read_item(name: str, store: StoreDep) -> Item:
    if name not in store.items:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no {name} in stock.")
    return store.items[name]


@router.put("/{name}")
async def write_item(name: str, item: Item, store: StoreDep) -> Item:
    store.items[name] = item
    return item


@router.post("/price")
async def price(name: str = Form(), amount: int = Form(gt=0), store: StoreDep = None) -> dict:
    if name not in store.items:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no {name} in stock.")
    return {"name": name, "total": store.items[name].price * amount}
