"""Shared libraries that an app could not load, and the Debian packages that bring them. Pure."""

import re
from typing import NamedTuple

from receiver.model.patterns import regex

_FILE = regex(
    r"^(?:ImportError|OSError): (?:cannot load library '[^']*': )?(lib[^\s:]+?): "
    r"cannot open shared object",
    re.MULTILINE,
)
_CALLED = (
    _FILE,
    regex(r"cannot load library '(?:[^']*/)?(lib[^'/]+)'"),
    regex(r"no library called \"([^\"]+)\" was found"),
    regex(r"(?:ImportError|OSError): .*[Ff]ailed to find (lib\w+)"),
    regex(r"OSError: (\w+) library not found"),
    regex(r"Unable to find (\w+) shared library"),
    regex(r"Could not find the (GDAL|GEOS) library"),
)
"""How the loader, ctypes, cffi and packages of their own say that one is missing."""
_VERSIONED = regex(r"(?P<stem>.+?)\.so(?:\.(?P<version>\d+)[\d.]*)?")
_TRAILING = regex(r"-\d+$")

PACKAGES = {
    "libasound": "libasound2",
    "libatk-1.0": "libatk1.0-0",
    "libatk-bridge-2.0": "libatk-bridge2.0-0",
    "libatspi": "libatspi2.0-0",
    "libavcodec": "ffmpeg",
    "libavformat": "ffmpeg",
    "libavutil": "ffmpeg",
    "libblas": "libblas3",
    "libcairo": "libcairo2",
    "libcairo-gobject": "libcairo-gobject2",
    "libcups": "libcups2",
    "libdbus-1": "libdbus-1-3",
    "libdrm": "libdrm2",
    "libegl": "libegl1",
    "libenchant-2": "libenchant-2-2",
    "libespeak-ng": "libespeak-ng1",
    "libev": "libev4",
    "libexpat": "libexpat1",
    "libfontconfig": "libfontconfig1",
    "libfreetype": "libfreetype6",
    "libgbm": "libgbm1",
    "libgdal": "gdal-bin",
    "libgdk-3": "libgtk-3-0",
    "libgdk_pixbuf-2.0": "libgdk-pixbuf-2.0-0",
    "libgeos": "libgeos-c1v5",
    "libgeos_c": "libgeos-c1v5",
    "libgfortran": "libgfortran5",
    "libgio-2.0": "libglib2.0-0",
    "libgl": "libgl1",
    "libglib-2.0": "libglib2.0-0",
    "libglu": "libglu1-mesa",
    "libgobject-2.0": "libglib2.0-0",
    "libgomp": "libgomp1",
    "libgssapi_krb5": "libgssapi-krb5-2",
    "libgthread-2.0": "libglib2.0-0",
    "libgtk-3": "libgtk-3-0",
    "libharfbuzz": "libharfbuzz0b",
    "libharfbuzz-subset": "libharfbuzz-subset0",
    "libhunspell": "libhunspell-1.7-0",
    "libicuuc": "libicu-dev",
    "libjpeg": "libjpeg62-turbo",
    "liblapack": "liblapack3",
    "libldap": "libldap-dev",
    "libleveldb": "libleveldb-dev",
    "libmagic": "libmagic1",
    "libmariadb": "libmariadb3",
    "libmediainfo": "libmediainfo0v5",
    "libmysqlclient": "libmariadb-dev-compat",
    "libnspr4": "libnspr4",
    "libnss3": "libnss3",
    "libodbc": "libodbc2",
    "libopenblas": "libopenblas0",
    "libopenjp2": "libopenjp2-7",
    "libpango-1.0": "libpango-1.0-0",
    "libpangocairo-1.0": "libpangocairo-1.0-0",
    "libpangoft2-1.0": "libpangoft2-1.0-0",
    "libpixman-1": "libpixman-1-0",
    "libportaudio": "libportaudio2",
    "libpq": "libpq5",
    "libproj": "libproj-dev",
    "libpulse": "libpulse0",
    "librdkafka": "librdkafka1",
    "librsvg-2": "librsvg2-2",
    "libsasl2": "libsasl2-2",
    "libsm": "libsm6",
    "libsnappy": "libsnappy1v5",
    "libsndfile": "libsndfile1",
    "libsodium": "libsodium-dev",
    "libspatialindex_c": "libspatialindex-c6",
    "libspatialite": "libspatialite-dev",
    "libsqlite3": "libsqlite3-0",
    "libtesseract": "tesseract-ocr",
    "libtiff": "libtiff-dev",
    "libusb-1.0": "libusb-1.0-0",
    "libvips": "libvips42",
    "libwebp": "libwebp7",
    "libx11": "libx11-6",
    "libxcb": "libxcb1",
    "libxcomposite": "libxcomposite1",
    "libxdamage": "libxdamage1",
    "libxext": "libxext6",
    "libxfixes": "libxfixes3",
    "libxi": "libxi6",
    "libxkbcommon": "libxkbcommon0",
    "libxml2": "libxml2",
    "libxmlsec1": "libxmlsec1",
    "libxrandr": "libxrandr2",
    "libxrender": "libxrender1",
    "libxslt": "libxslt1.1",
    "libzbar": "libzbar0",
    "libzmq": "libzmq5",
}
"""By the name of the library in small letters, without its version; a test of a machine looks each
up in apt's lists. `-dev` where the package's own name changes with each release of Debian."""
_TOGETHER = (
    ("cv2", ("libgl1", "libglib2.0-0")),
    ("weasyprint", ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0")),
)
"""What one Python package needs: the next library would be missed at the next push."""


class Library(NamedTuple):
    """A library that could not be loaded."""

    name: str
    """As it was asked for: `libGL.so.1`."""
    packages: tuple[str, ...]
    """What brings it, and what its user needs besides; empty where that is not known."""
    guesses: tuple[str, ...] = ()
    """Names that it may have, by Debian's rules, where it is not known."""
    asked_by: str = ""
    """The Python package that loads it, where others of its libraries are known."""


def missing_library(log: str) -> Library | None:
    """The library that an app could not load, by the end of its log."""
    name = _name(log)
    if name is None:
        return None
    for module, packages in _TOGETHER:
        if f"/{module}/" in log:
            return Library(name, packages, asked_by=module)
    return _known(name)


def _name(log: str) -> str | None:
    found = [match for pattern in _CALLED for match in pattern.finditer(log)]
    last = max(found, key=lambda match: match.start(), default=None)
    if last is None:
        return None
    name = last[1]
    return name if name.lower().startswith("lib") else f"lib{name.lower()}"


def _known(name: str) -> Library:
    match = _VERSIONED.fullmatch(name)
    stem, version = (match["stem"], match["version"] or "") if match else (name, "")
    stem = stem.lower()
    for each in (stem, _TRAILING.sub("", stem), re.sub(r"\d+$", "", stem)):
        if package := PACKAGES.get(each):
            return Library(name, (package,))
    if not version:
        return Library(name, ())
    plain = stem.replace("_", "-")
    between = "-" if plain[-1].isdigit() else ""
    return Library(name, (), (f"{plain}{between}{version}", f"{plain}{between}{version}t64"))
