"""A worker of uvicorn's: answer what it has accepted before it goes."""


def prepare(worker):
    del worker
