"""Why a package could not be built from its source: usually a header or a compiler that is not
there.
"""

import re

from receiver.model.errors import BuildError

_HEADER = re.compile(r"fatal error: ([\w./+-]+\.h(?:pp)?): No such file")
_LIBRARY = re.compile(r"cannot find -l([\w+-]+)")
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
_NO_COMPILER = (
    r"cc: (?:No such file|not found)|command '[\w-]*(?:cc|\+\+)' failed: No such file"
    r"|Unknown compiler\(s\)"
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
    (_NO_COMPILER, "a C compiler", "build-essential"),
    (r"can't find Rust compiler|cargo.{0,40}not (?:found|installed)", "a Rust compiler", "cargo"),
    (r"CMake must be installed|cmake.{0,20}not found", "CMake", "cmake"),
    (
        r"pkg-config.{0,40}not found|No such file or directory: 'pkg-config'",
        "pkg-config",
        "pkg-config",
    ),
)
"""What the output says, what it is that lacks, and the Debian package that brings it."""
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
_NEEDED = re.compile(r"ModuleNotFoundError: No module named '([^']+)'")


def explain_build(match: re.Match[str], seen: str) -> BuildError:
    """The error for the package in the first group of `match`."""
    package, output = match[1] or "", match.string
    lacks, brings = _missing(output)
    title = (
        f"{f'The package {package}' if package else 'A package'} could not be built from its source"
    )
    if lacks:
        return BuildError(
            f"{title}: {lacks} is missing.",
            detail=seen,
            advice=_advice(package, brings),
            reason="build/package-build-failed",
        )
    return BuildError(
        f"{title}{_of_an_older_time(output)}.",
        detail=seen,
        advice=_needed(output)
        or f"Ask for a version of {_name(package)} that has a wheel for this Python;"
        " a newer one usually does. The lines above are the package's own.",
        reason="build/package-build-failed",
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


def _missing(output: str) -> tuple[str, str]:
    if header := _HEADER.search(output):
        return f"the header {header[1]}", _HEADER_PACKAGES.get(header[1], "")
    if library := _LIBRARY.search(output):
        return f"the library {library[1]}", _LIBRARY_PACKAGES.get(library[1], "")
    for pattern, lacks, brings in _PROGRAMS:
        if re.search(pattern, output):
            return lacks, brings
    return "", ""


def _advice(package: str, brings: str) -> str:
    name = _name(package)
    if name == "psycopg2":
        return "Ask for psycopg2-binary, which needs no building, or have `libpq-dev` installed."
    wheel = f"Ask for a version of {name} that has a wheel, which needs no building"
    install = f"`apt-get install {brings}`" if brings else "the development files of that library"
    return f"{wheel}; or have the server's administrator install what lacks: {install}."


def _name(package: str) -> str:
    return re.split(r"[=<>@ ]", package, maxsplit=1)[0] or "it"
