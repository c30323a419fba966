"""An app whose worker counts into its log, and goes on where it was when it is started anew."""

PROCFILE = (
    "web: gunicorn app:app\nworker: python worker.py\n"
    "release: python -c \"print('all migrated')\"\n"
)
WORKER = """
import os, pathlib, signal, sys, time

counter = pathlib.Path(os.environ["SHIP_STORAGE"], "counter")
ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
number = int(counter.read_text()) if counter.exists() else 0
while not ended:
    number += 1
    print(number, "{text}" + "." * {width}, flush=True)
    time.sleep({pause_s})
counter.write_text(str(number))
"""


def counting(text: str, *, width: int = 10, pause_s: float = 0.01) -> dict[str, str]:
    """Files of such an app, whose lines are of this width."""
    worker = WORKER.replace("{text}", text).replace("{width}", str(width))
    return {
        "worker.py": worker.replace("{pause_s}", str(pause_s)),
        "Procfile": PROCFILE,
        "app.json": '{"formation": {"worker": {"quantity": 1}}}\n',
    }
