"""The parts of an app: all that belongs to one, and so has to be made, renamed, copied and removed.

The list is here, and so are the parts that are of an app itself; one that has a room of its own
lives there, as `part.py`. It imports every room that keeps something for an app.
"""

from receiver.apps.parts.places import Account, Home, Repository, RequestLogFiles
from receiver.apps.parts.records import ConfigVars, Grants, Releases
from receiver.apps.parts.site import Site
from receiver.changes.part import Part
from receiver.drains.part import DrainProcesses
from receiver.processes.part import Processes, Units
from receiver.runs.part import Runs, Timers
from receiver.storage.part import Storage

PARTS: tuple[Part, ...] = (
    Account(),
    Home(),
    Repository(),
    RequestLogFiles(),
    Releases(),
    ConfigVars(),
    Grants(),
    Units(),
    Site(),
    Timers(),
    Processes(),
    Runs(),
    Storage(),
    DrainProcesses(),
)
"""In the order in which they are made and started, and also stopped and removed."""
