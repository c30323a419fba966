"""The configuration file of every gunicorn that serves an app, read at its start and again at
each HUP.

It stands outside all releases. Which release counts is asked anew each time, by the slot's link.
Its parts are loaded anew as well, so that a running master never mixes two versions of them.

launch.py     how a process starts, and what it notes of its starts
release.py    what is on disk: the release behind the slot, its config vars, its web process
settings.py   gunicorn's settings made of that, and of the app's own gunicorn file
worker.py     a new worker: enter the release, say when it serves, say why it could not
swap.py       a HUP: start the new workers, and stop the old ones only when all of the new serve
question.py   a new worker asks its own app for the check path before it serves
unsaid.py     what the app's framework would not say of an error, while it is asked
drain.py      a worker of uvicorn's: answer what it has accepted before it goes
django_settings.py  settings of Django's that are as startproject left them, completed

Gunicorn ends its master when this file fails. So at a HUP a failure becomes settings whose only
effect is that the swap is refused, and the master goes on with the release it has.
"""

import importlib.util
import os
import sys
import types


def _part(name):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
    spec = importlib.util.spec_from_file_location("ship_runtime_" + name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _master():
    """What outlives a HUP: the settings in force, and whether this master has ever served."""
    master = sys.modules.get("ship_runtime_master")
    if master is None:
        master = types.ModuleType("ship_runtime_master")
        master.cfg, master.workers, master.served, master.swapping = None, 0, False, False
        master.label, master.starting, master.failed = "", False, 0
        sys.modules["ship_runtime_master"] = master
    return master


# each imports those before it
for _name in (
    "launch",
    "release",
    "worker",
    "drain",
    "django_settings",
    "unsaid",
    "question",
    "swap",
):
    _part(_name)
globals().update(_part("settings").load(_master()))
