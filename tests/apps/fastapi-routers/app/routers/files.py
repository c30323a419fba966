import hashlib

from fastapi import APIRouter, Request

router = APIRouter(tags=["files"])


@router.post("/upload")
async def upload(request: Request) -> dict[str, str | int]:
    digest, size = hashlib.sha256(), 0
    async for chunk in request.stream():
        digest.update(chunk)
        size += len(chunk)
    return {"size": size, "sha256": digest.hexdigest()}
