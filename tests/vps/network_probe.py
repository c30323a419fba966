"""Runs as an app: connects to addresses, or listens and answers.

`dial HOST:PORT...` prints a JSON object: each address, and `connected`, `refused` or `silent`.
`serve PORT` answers on 127.0.0.1, and says its process id.
"""

import json
import os
import socket
import sys


def dial(address: str) -> str:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except TimeoutError:
        return "silent"
    except OSError:
        return "refused"
    return "connected"


def serve(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)) as listener:
        print(os.getpid(), flush=True)
        while True:
            listener.accept()[0].close()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    print(json.dumps({address: dial(address) for address in sys.argv[2:]}))
