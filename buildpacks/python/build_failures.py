"""Why a package could not be built from its source: usually a header or a compiler that is not there."""

import re

from receiver.model.errors import BuildError

_HEADER = re.compile(r"fatal error: ([\w./+-]+\.h(?:pp)?): No such file")
_LIBRARY = re.compile(r"cannot find -l([\w+-]+)")
_HEADER_PACKAGES = {
    "Python.h": "python3-dev",
    "ffi.h": "libffi-dev",
    "jpeglib.h": "libjpeg-dev",
    "lber.h": "libldap-dev",
    "libpq-fe.h": "libpq-dev",
    "libxml/xpath.h": "libxml2-dev libxslt1-dev",
    "magic.h": "libmagic-dev",
    "mysql.h": "default-libmysqlclient-dev",
    "openssl/ssl.h": "libssl-dev",
    "pcre.h": "libpcre3-dev",
    "sasl/sasl.h": "libsasl2-dev",
    "sql.h": "unixodbc-dev",
    "sqlite3.h": "libsqlite3-dev",
    "zlib.h": "zlib1g-dev",
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
    (r"gdal-config|gdal_config", "gdal-config", "libgdal-dev"),
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


def explain_build(match: re.Match[str], seen: str) -> BuildError:
    """The error for the package in the first group of `match`."""
    package, output = match[1], match.string
    lacks, brings = _missing(output)
    title = f"The package {package} could not be built from its source"
    if lacks:
        return BuildError(
            f"{title}: {lacks} is missing.",
            detail=seen,
            advice=_advice(package, brings),
            reason="build/package-build-failed",
        )
    return BuildError(
        f"{title}.",
        detail=seen,
        advice=f"Ask for a version of {_name(package)} that has a wheel for this Python; a newer one"
        " usually does. The lines above are the package's own.",
        reason="build/package-build-failed",
    )


def _missing(output: str) -> tuple[str, str]:
    if header := _HEADER.search(output):
        return f"the header {header[1]}", _HEADER_PACKAGES.get(header[1], "")
    if library := _LIBRARY.search(output):
        return f"the library {library[1]}", ""
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
    return re.split(r"[=<>@ ]", package, maxsplit=1)[0]
