"""Why a package could not be built from its source: usually a header or a compiler that is not
there.
"""

import re
from collections.abc import Iterator

from receiver.model.errors import BuildError
from receiver.model.patterns import regex
from receiver.model.source_build import COMPILER, PKG_CONFIG, Lack, Needs, SourceBuildError

_DEPENDENCY = regex(r'Dependency "([^"]+)" not found')
_HEADER = regex(r"fatal error: ([\w./+-]+\.h(?:pp)?): No such file")
_LIBRARY = regex(r"cannot find -l([\w+-]+)")
_HEADER_PACKAGES = {
    "Python.h": "python3-dev",
    "X11/Xlib.h": "libx11-dev",
    "bzlib.h": "libbz2-dev",
    "cairo.h": "libcairo2-dev",
    "curl/curl.h": "libcurl4-openssl-dev",
    "ffi.h": "libffi-dev",
    "gdal.h": "libgdal-dev",
    "geos_c.h": "libgeos-dev",
    "gmp.h": "libgmp-dev",
    "graphviz/cgraph.h": "libgraphviz-dev",
    "gssapi/gssapi.h": "libkrb5-dev",
    "hdf5.h": "libhdf5-dev",
    "jpeglib.h": "libjpeg-dev",
    "krb5.h": "libkrb5-dev",
    "lber.h": "libldap-dev",
    "libpq-fe.h": "libpq-dev",
    "librdkafka/rdkafka.h": "librdkafka-dev",
    "libxml/xpath.h": "libxml2-dev libxslt1-dev",
    "lzma.h": "liblzma-dev",
    "magic.h": "libmagic-dev",
    "mysql.h": "default-libmysqlclient-dev",
    "openssl/opensslv.h": "libssl-dev",
    "openssl/ssl.h": "libssl-dev",
    "pcre.h": "libpcre3-dev",
    "portaudio.h": "portaudio19-dev",
    "proj.h": "libproj-dev",
    "sasl/sasl.h": "libsasl2-dev",
    "snappy-c.h": "libsnappy-dev",
    "sndfile.h": "libsndfile1-dev",
    "sql.h": "unixodbc-dev",
    "sqlite3.h": "libsqlite3-dev",
    "xmlsec/xmlsec.h": "libxmlsec1-dev",
    "zlib.h": "zlib1g-dev",
}
_LIBRARY_PACKAGES = {
    "crypto": "libssl-dev",
    "curl": "libcurl4-openssl-dev",
    "ffi": "libffi-dev",
    "gdal": "libgdal-dev",
    "jpeg": "libjpeg-dev",
    "ldap": "libldap-dev",
    "mysqlclient": "default-libmysqlclient-dev",
    "pq": "libpq-dev",
    "sqlite3": "libsqlite3-dev",
    "ssl": "libssl-dev",
    "xml2": "libxml2-dev",
    "z": "zlib1g-dev",
}
_DEPENDENCY_PACKAGES = {
    "cairo": "libcairo2-dev",
    "dbus-1": "libdbus-1-dev",
    "glib-2.0": "libglib2.0-dev",
    "gobject-introspection-1.0": "libgirepository1.0-dev",
    "libsystemd": "libsystemd-dev",
    "openblas": "libopenblas-dev",
}
_NO_COMPILER = (
    r"cc: (?:No such file|not found)|command '[\w-]*(?:cc|\+\+)' failed: No such file"
    r"|Unknown compiler\(s\)|need a C compiler|No such file or directory: '[\w-]*(?:cc|\+\+)'"
)
_PROGRAMS: tuple[tuple[str, str, str], ...] = (
    (r"pg_config executable not found", "pg_config", "libpq-dev"),
    (
        r"mysql_config|Can not find valid pkg-config name",
        "mysql_config",
        "default-libmysqlclient-dev",
    ),
    (r"gdal-config|gdal_config|GDALOSError", "gdal-config", "libgdal-dev"),
    (r"curl-config", "curl-config", "libcurl4-openssl-dev"),
    (r"krb5-config", "krb5-config", "libkrb5-dev"),
    (r"xmlsec1? .{0,40}not found|Unable to invoke pkg-config.*xmlsec", "xmlsec1", "libxmlsec1-dev"),
    (r"__NUMPY_SETUP__|Could not find the gdal", "the library GDAL", "libgdal-dev"),
    (
        r"gfortran.{0,30}(?:not found|No such file)|Unknown compiler\(s\): \[\['gfortran'",
        "a Fortran compiler",
        "gfortran",
    ),
    (r"command 'swig' failed|swig: not found|No such file or directory: 'swig'", "swig", "swig"),
    (_NO_COMPILER, COMPILER.what, COMPILER.package),
    (r"can't find Rust compiler|cargo.{0,40}not (?:found|installed)", "a Rust compiler", "cargo"),
    (r"CMake must be installed|cmake.{0,20}not found", "CMake", "cmake"),
    (
        r"pkg-config.{0,40}not found|No such file or directory: 'pkg-config'",
        "pkg-config",
        "pkg-config",
    ),
)
"""What the output says, what it is that lacks, and the Debian package that brings it."""
_NEEDS = {
    "cffi": "libffi-dev",
    "cryptography": "libssl-dev pkg-config",
    "dbus-python": "libdbus-1-dev libglib2.0-dev pkg-config",
    "fiona": "libgdal-dev",
    "gdal": "libgdal-dev",
    "gevent": "libffi-dev",
    "gssapi": "libkrb5-dev",
    "h5py": "libhdf5-dev pkg-config",
    "lxml": "libxml2-dev libxslt1-dev zlib1g-dev",
    "m2crypto": "libssl-dev swig",
    "mysqlclient": "default-libmysqlclient-dev pkg-config",
    "pillow": "libjpeg-dev zlib1g-dev",
    "psycopg-c": "libpq-dev",
    "psycopg2": "libpq-dev",
    "pyaudio": "portaudio19-dev",
    "pycairo": "libcairo2-dev pkg-config",
    "pycups": "libcups2-dev",
    "pycurl": "libcurl4-openssl-dev libssl-dev",
    "pygobject": "libgirepository1.0-dev libcairo2-dev pkg-config",
    "pygraphviz": "libgraphviz-dev pkg-config",
    "pyicu": "libicu-dev pkg-config",
    "pylibmc": "libmemcached-dev zlib1g-dev",
    "pymssql": "freetds-dev",
    "pynacl": "libffi-dev",
    "pyodbc": "unixodbc-dev",
    "pyproj": "libproj-dev",
    "python-ldap": "libldap2-dev libsasl2-dev",
    "python-snappy": "libsnappy-dev",
    "shapely": "libgeos-dev",
    "systemd-python": "libsystemd-dev pkg-config",
    "xmlsec": "libxmlsec1-dev pkg-config",
}
"""Debian's packages that a build of a Python package wants, besides a compiler and Python.h."""
_INSTEAD = {
    "psycopg2": "Ask for psycopg2-binary instead of psycopg2, which needs no building.",
    "psycopg-c": "Ask for psycopg[binary] instead of psycopg[c], which needs no building.",
    "uwsgi": "Ask for pyuwsgi instead of uwsgi: it is the same, and needs no building.",
}
"""What is the same package, built already."""
_GONE = (
    (r"No module named '(?:distutils|imp)(?:\.|')", "3.12"),
    (r"module 'pkgutil' has no attribute 'ImpImporter'", "3.12"),
    (r"module 'configparser' has no attribute 'SafeConfigParser'", "3.12"),
    (r"use_2to3 is invalid", ""),
    (r"No module named 'pkg_resources'", ""),
    (r"module 'inspect' has no attribute 'getargspec'", "3.11"),
    (r"cannot import name '\w+' from 'collections'", "3.10"),
)
"""Marks of a package that is older than the Python it is built on, and the Python that was the
first without them."""
ADVISED = frozenset(
    package
    for names in (
        *_HEADER_PACKAGES.values(),
        *_LIBRARY_PACKAGES.values(),
        *_DEPENDENCY_PACKAGES.values(),
        *_NEEDS.values(),
        *(brings for _, _, brings in _PROGRAMS),
    )
    for package in names.split()
)
"""Every package of Debian's that an advice may name."""
_OWN = regex(r"@ file://\S*/source(?:/|$)")
"""The folder that the push was unpacked into, as the address of a package."""
_NEEDED = regex(r"ModuleNotFoundError: No module named '([^']+)'")


def explain_build(match: re.Match[str], seen: str) -> BuildError:
    """The error for the package in the first group of `match`."""
    package, output = match[1] or "", match.string
    lacks, name = tuple(_missing(output)), _name(package)
    if _OWN.search(package) and not lacks:
        return _own_project(output, seen)
    title = (
        f"{f'The package {package}' if package else 'A package'} could not be built from its source"
    )
    end = f": {lacks[0].what} is missing" if lacks else _of_an_older_time(output)
    return SourceBuildError(
        f"{title}{end}.",
        detail=seen,
        advice=_advice(name, lacks) if lacks else _needed(output) or _other_version(name),
        needs=Needs(
            title,
            lacks,
            () if _of_an_older_time(output) else _besides(name, built=bool(package)),
            _INSTEAD.get(_normal(name), ""),
        ),
    )


def _besides(name: str, *, built: bool) -> tuple[Lack, ...]:
    needs = _NEEDS.get(_normal(name), "") if built else ""
    return tuple(
        PKG_CONFIG if package == PKG_CONFIG.package else Lack(package, package)
        for package in needs.split()
    )


def _other_version(name: str) -> str:
    return _INSTEAD.get(_normal(name), "") or (
        f"The lines above are the package's own. If a version of {name} has a wheel for this "
        "Python, ask for that one; a newer one usually has."
    )


def _own_project(output: str, seen: str) -> BuildError:
    """The error for the project that was pushed itself, which no other version can replace."""
    needs = _NEEDED.search(output)
    return BuildError(
        "The app's own project could not be built as a package.",
        detail=seen,
        advice=f"Its build imports {needs[1]}: name that in `requires` below [build-system] of "
        "pyproject.toml, and push again."
        if needs
        else "Correct what the lines above name in pyproject.toml or setup.py, and push again. "
        "`uv build` tries it on your machine.",
        reason="build/own-project",
    )


def _of_an_older_time(output: str) -> str:
    for pattern, first in _GONE:
        if re.search(pattern, output):
            than = f"Python {first}" if first else "today's tools"
            return f": it is older than {than}, and does not fit"
    return ""


def _needed(output: str) -> str:
    """Advice for a setup.py that imports what it does not ask for."""
    found = _NEEDED.search(output)
    if found is None or _of_an_older_time(output):
        return ""
    return (
        f"Its build imports {found[1]} without asking for it. Ask for a newer version of "
        "the package, which"
        " usually has a wheel."
    )


def _missing(output: str) -> Iterator[Lack]:
    """All that the output says is not there."""
    for header in dict.fromkeys(_HEADER.findall(output)):
        yield Lack(f"the header {header}", _HEADER_PACKAGES.get(header, ""))
    for library in dict.fromkeys(_LIBRARY.findall(output)):
        yield Lack(f"the library {library}", _LIBRARY_PACKAGES.get(library, ""))
    for name in dict.fromkeys(_DEPENDENCY.findall(output)):
        yield Lack(f"the library {name}", _DEPENDENCY_PACKAGES.get(name, ""))
    for pattern, lacks, brings in _PROGRAMS:
        if re.search(pattern, output):
            yield Lack(lacks, brings)


def _advice(name: str, lacks: tuple[Lack, ...]) -> str:
    packages = " ".join(dict.fromkeys(lack.package for lack in lacks if lack.package))
    install = f"`apt-get install {packages}`" if packages else "the development files of it"
    instead = _INSTEAD.get(_normal(name), "")
    return (
        f"{instead} Ask the server's administrator to install what is missing: {install}.".strip()
    )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _name(package: str) -> str:
    return re.split(r"[=<>@ ]", package, maxsplit=1)[0] or "it"
