from pydantic import BaseModel, Field


class Item(BaseModel):
    name: str = Field(min_length=1, max_length=80)
    price: float = Field(gt=0)
    tags: list[str] = []


class Store:
    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.open = True

    @classmethod
    def with_examples(cls) -> "Store":
        store = cls()
        store.items["rope"] = Item(name="rope", price=12.5, tags=["deck"])
        return store

    def close(self) -> None:
        self.open = False
