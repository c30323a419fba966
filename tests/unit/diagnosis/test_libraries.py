"""Shared libraries that an app could not load, in the words of those who looked for them."""

import pytest

from receiver.diagnosis.causes_imports import library
from receiver.diagnosis.libraries import missing_library
from receiver.diagnosis.pushed import Pushed

AT_CV2 = '  File "/v/lib/python3.11/site-packages/cv2/__init__.py", line 181, in <module>\n'
GONE = "cannot open shared object file: No such file or directory"


@pytest.mark.parametrize(
    ("said", "name", "packages", "guesses"),
    [
        (f"ImportError: libpq.so.5: {GONE}", "libpq.so.5", ("libpq5",), ()),
        (f"OSError: libgomp.so.1: {GONE}", "libgomp.so.1", ("libgomp1",), ()),
        (
            "OSError: cannot load library 'libgobject-2.0-0': libgobject-2.0-0: " + GONE,
            "libgobject-2.0-0",
            ("libglib2.0-0",),
            (),
        ),
        (
            "OSError: cannot load library '/usr/lib/libportaudio.so.2': error 0x7e",
            "libportaudio.so.2",
            ("libportaudio2",),
            (),
        ),
        (
            'OSError: no library called "cairo-2" was found\nno library called "cairo" was found',
            "libcairo",
            ("libcairo2",),
            (),
        ),
        (
            "ImportError: failed to find libmagic.  Check your installation",
            "libmagic",
            ("libmagic1",),
            (),
        ),
        ("OSError: PortAudio library not found", "libportaudio", ("libportaudio2",), ()),
        ("ImportError: Unable to find zbar shared library", "libzbar", ("libzbar0",), ()),
        (
            'ImproperlyConfigured: Could not find the GDAL library (tried "gdal")',
            "libgdal",
            ("gdal-bin",),
            (),
        ),
        (f"ImportError: libfoo.so.3: {GONE}", "libfoo.so.3", (), ("libfoo3", "libfoo3t64")),
        (
            f"OSError: libBar_x1.so.0: {GONE}",
            "libBar_x1.so.0",
            (),
            ("libbar-x1-0", "libbar-x1-0t64"),
        ),
        (f"OSError: libodd.so: {GONE}", "libodd.so", (), ()),
    ],
)
def test_the_library_is_known_by_what_was_said(
    said: str, name: str, packages: tuple[str, ...], guesses: tuple[str, ...]
) -> None:
    found = missing_library(f"Traceback (most recent call last):\n{said}\n")
    assert found is not None
    assert (found.name, found.packages, found.guesses) == (name, packages, guesses)


@pytest.mark.parametrize(
    "log", ["", "ImportError: cannot import name 'lib'", "KeyError: 'libpq.so.5'"]
)
def test_other_errors_are_no_missing_library(log: str) -> None:
    assert missing_library(log) is None


def test_packages_with_many_libraries_get_all_that_they_need() -> None:
    found = missing_library(f"{AT_CV2}ImportError: libxcb.so.1: {GONE}\n")
    assert found is not None
    assert (found.name, found.packages) == ("libxcb.so.1", ("libgl1", "libglib2.0-0"))


@pytest.mark.parametrize(
    ("requirements", "start"),
    [
        ("opencv-python\n", "Ask for opencv-python-headless instead of opencv-python; it needs"),
        ("opencv-contrib-python==4.9\n", "Ask for opencv-contrib-python-headless instead of"),
        ("opencv-python-headless\n", "Ask the server's administrator to install libgl1"),
    ],
)
def test_opencv_has_a_variant_without_windows(requirements: str, start: str) -> None:
    log = f"{AT_CV2}ImportError: libGL.so.1: {GONE}\n"
    error = library(log, Pushed(requirements=requirements))
    assert error is not None
    assert error.reason == "check/missing-library"
    assert error.advice.startswith(start)


def test_what_this_server_installs_comes_first() -> None:
    log = f"OSError: libmagic.so.1: {GONE}\n"
    error = library(log, Pushed(install="Type `ship packages:add libmagic1`."))
    assert error is not None
    assert error.advice == "Type `ship packages:add libmagic1`."
    unknown = library(f"OSError: libodd.so: {GONE}\n", Pushed())
    assert unknown is not None
    assert "`apt-file search libodd.so`" in unknown.advice
