"""In which order modules of tests begin: the longest first, so that none of them is left to one
process when the others have ended.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
LONGEST = (
    "embedded/test_local.py",
    "embedded/test_published_apps.py",
    "embedded/test_killed_deploys.py",
    "embedded/test_push_bad_input.py",
    "embedded/test_package_managers.py",
    "embedded/test_config.py",
    "embedded/test_buildpacks.py",
    "embedded/test_push_trouble.py",
    "embedded/test_supervisord_host.py",
    "embedded/test_fetched_python.py",
    "vps/test_vps_install.py",
    "vps/test_vps_storage.py",
    "vps/test_vps_push.py",
    "vps/test_systemd_jobs.py",
    "vps/test_vps_doctor.py",
)
"""Taken from the slowest tests that a run lists."""
_TURNS = {FOLDER / name: turn for turn, name in enumerate(LONGEST)}


def turn(path: Path) -> int:
    """The place of a module; those that are not listed come last, in whatever order they are."""
    return _TURNS.get(path, len(LONGEST))
