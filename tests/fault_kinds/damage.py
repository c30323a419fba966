"""What somebody damages by hand: a push puts it right, or says in words what is wrong and the
doctor names it.
"""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.fault_kinds.ground import FAULTS_OF_SHIP, Fault, Ground, Kind, a_ground

_PUSHES = 2
"""The first may have to say that it repaired the repository."""


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _empty(path: Path) -> None:
    if path.is_dir():
        for below in path.iterdir():
            _remove(below)
    else:
        path.write_bytes(b"")


def _tear(path: Path) -> None:
    """Leave the first half of it."""
    if path.is_dir():
        for below in sorted(path.iterdir())[::2]:
            _remove(below)
    else:
        raw = path.read_bytes()
        path.write_bytes(raw[: len(raw) // 2])


_WAYS: tuple[Callable[[Path], None], ...] = (_remove, _empty, _tear)


def _places(ground: Ground) -> list[Path]:
    """What can be damaged: the live release, what is kept of it, and the repository."""
    paths, repo = ground.paths, ground.server.layout.repo(ground.app)
    version = ground.server.live(ground.app)
    assert version is not None
    live = paths.release(version)
    newest = sorted(paths.builds.glob("*.json"), key=lambda it: it.stat().st_mtime)[-1:]
    found = [
        *(live.home, live.home / "release.json", live.source, live.slug, live.env),
        *(paths.current, paths.slots, paths.scale, paths.venvs, *newest, paths.builds),
        *(repo / "HEAD", repo / "config", repo / "refs", repo / "objects"),
    ]
    return [path for path in found if path.is_symlink() or path.exists()]


def harm(ground: Ground, dice: random.Random) -> Fault:
    """Damage one thing, and push."""
    place, way = dice.choice(_places(ground)), dice.choice(_WAYS)
    if place.is_symlink():
        way = _remove
    way(place)
    what = f"{way.__name__.strip('_')} {place.relative_to(ground.server.root / 'var')}"
    doctor = ground.server.ship("doctor", "-a", ground.app)
    ground.commit()
    said = [ground.push()]
    while said[-1].status and len(said) < _PUSHES:
        said.append(ground.push())
    lies = []
    text = "".join([doctor.out, doctor.err, *(each.text for each in said)])
    lies += [f"{word}: {text[-600:]!r}" for word in FAULTS_OF_SHIP if word in text]
    if said[-1].status:
        lies.append(f"it was not repaired: {said[-1].text[-600:]!r}")
    return Fault(what, lies or ground.lies({}))


DAMAGE = Kind("damage", 60, "something is damaged by hand, then a push", harm, a_ground)
