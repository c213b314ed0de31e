"""What a failed build probably lacks: words that compilers and build tools use, and the package to install.

Names are those of Debian and Ubuntu, and of Fedora where they differ; other systems have them under similar ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

MOST_HINTS = 3


class SystemPackage(NamedTuple):
    """What is missing, and the packages that have it on Debian or Ubuntu and on Fedora."""

    what: str
    debian: str
    fedora: str


_HEADERS = {
    "Python.h": SystemPackage("Python's header files", "python3-dev", "python3-devel"),
    "ffi.h": SystemPackage("the header files of libffi", "libffi-dev", "libffi-devel"),
    "openssl/": SystemPackage("the header files of OpenSSL", "libssl-dev", "openssl-devel"),
    "libpq-fe.h": SystemPackage("the client library of PostgreSQL", "libpq-dev", "libpq-devel"),
    "mysql.h": SystemPackage("the client library of MySQL", "default-libmysqlclient-dev", "mysql-devel"),
    "sql.h": SystemPackage("the header files of unixODBC", "unixodbc-dev", "unixODBC-devel"),
    "zlib.h": SystemPackage("the header files of zlib", "zlib1g-dev", "zlib-devel"),
    "bzlib.h": SystemPackage("the header files of bzip2", "libbz2-dev", "bzip2-devel"),
    "lzma.h": SystemPackage("the header files of liblzma", "liblzma-dev", "xz-devel"),
    "libxml/": SystemPackage("the header files of libxml2", "libxml2-dev", "libxml2-devel"),
    "libxslt/": SystemPackage("the header files of libxslt", "libxslt1-dev", "libxslt-devel"),
    "yaml.h": SystemPackage("the header files of libyaml", "libyaml-dev", "libyaml-devel"),
    "curl/": SystemPackage("the header files of libcurl", "libcurl4-openssl-dev", "libcurl-devel"),
    "jpeglib.h": SystemPackage("the header files of libjpeg", "libjpeg-dev", "libjpeg-turbo-devel"),
    "png.h": SystemPackage("the header files of libpng", "libpng-dev", "libpng-devel"),
    "ft2build.h": SystemPackage("the header files of FreeType", "libfreetype-dev", "freetype-devel"),
    "hdf5.h": SystemPackage("the header files of HDF5", "libhdf5-dev", "hdf5-devel"),
    "ldap.h": SystemPackage("the header files of OpenLDAP", "libldap-dev", "openldap-devel"),
    "sasl/": SystemPackage("the header files of SASL", "libsasl2-dev", "cyrus-sasl-devel"),
    "gmp.h": SystemPackage("the header files of GMP", "libgmp-dev", "gmp-devel"),
    "sodium.h": SystemPackage("the header files of libsodium", "libsodium-dev", "libsodium-devel"),
    "systemd/": SystemPackage("the header files of systemd", "libsystemd-dev", "systemd-devel"),
    "dbus/": SystemPackage("the header files of D-Bus", "libdbus-1-dev", "dbus-devel"),
    "glib.h": SystemPackage("the header files of GLib", "libglib2.0-dev", "glib2-devel"),
    "cairo.h": SystemPackage("the header files of cairo", "libcairo2-dev", "cairo-devel"),
    "portaudio.h": SystemPackage("the header files of PortAudio", "portaudio19-dev", "portaudio-devel"),
    "snappy-c.h": SystemPackage("the header files of Snappy", "libsnappy-dev", "snappy-devel"),
    "geos_c.h": SystemPackage("the header files of GEOS", "libgeos-dev", "geos-devel"),
    "graphviz/": SystemPackage("the header files of Graphviz", "libgraphviz-dev", "graphviz-devel"),
    "magic.h": SystemPackage("the header files of libmagic", "libmagic-dev", "file-devel"),
    "Xlib.h": SystemPackage("the header files of Xlib", "libx11-dev", "libX11-devel"),
}
"""By the end of what `#include` names, or its beginning when it is a directory."""

_PROGRAMS = {
    "gcc": SystemPackage("a C compiler", "build-essential", "gcc"),
    "cc": SystemPackage("a C compiler", "build-essential", "gcc"),
    "clang": SystemPackage("the C compiler clang, which this Python was made with", "clang", "clang"),
    "g++": SystemPackage("a C++ compiler", "build-essential", "gcc-c++"),
    "c++": SystemPackage("a C++ compiler", "build-essential", "gcc-c++"),
    "gfortran": SystemPackage("a Fortran compiler", "gfortran", "gcc-gfortran"),
    "cargo": SystemPackage("Rust", "cargo", "cargo"),
    "rustc": SystemPackage("Rust", "rustc", "rust"),
    "cmake": SystemPackage("CMake", "cmake", "cmake"),
    "ninja": SystemPackage("Ninja", "ninja-build", "ninja-build"),
    "make": SystemPackage("make", "make", "make"),
    "pkg-config": SystemPackage("pkg-config", "pkg-config", "pkgconf"),
    "swig": SystemPackage("SWIG", "swig", "swig"),
    "patchelf": SystemPackage("patchelf", "patchelf", "patchelf"),
    "git": SystemPackage("git", "git", "git"),
    "pg_config": SystemPackage("the client library of PostgreSQL", "libpq-dev", "libpq-devel"),
    "mysql_config": SystemPackage("the client library of MySQL", "default-libmysqlclient-dev", "mysql-devel"),
    "xml2-config": SystemPackage("the header files of libxml2", "libxml2-dev", "libxml2-devel"),
    "xslt-config": SystemPackage("the header files of libxslt", "libxslt1-dev", "libxslt-devel"),
    "curl-config": SystemPackage("the header files of libcurl", "libcurl4-openssl-dev", "libcurl-devel"),
    "freetype-config": SystemPackage("the header files of FreeType", "libfreetype-dev", "freetype-devel"),
    "gdal-config": SystemPackage("the header files of GDAL", "libgdal-dev", "gdal-devel"),
    "geos-config": SystemPackage("the header files of GEOS", "libgeos-dev", "geos-devel"),
    "krb5-config": SystemPackage("the header files of Kerberos", "libkrb5-dev", "krb5-devel"),
    "nvcc": SystemPackage("the CUDA toolkit", "nvidia-cuda-toolkit", "cuda-toolkit"),
    "protoc": SystemPackage("the compiler of Protocol Buffers", "protobuf-compiler", "protobuf-compiler"),
}

_LIBRARIES = {
    "pq": _PROGRAMS["pg_config"],
    "mysqlclient": _PROGRAMS["mysql_config"],
    "ssl": _HEADERS["openssl/"],
    "crypto": _HEADERS["openssl/"],
    "ffi": _HEADERS["ffi.h"],
    "z": _HEADERS["zlib.h"],
    "xml2": _HEADERS["libxml/"],
    "xslt": _HEADERS["libxslt/"],
    "blas": SystemPackage("BLAS", "libopenblas-dev", "openblas-devel"),
    "lapack": SystemPackage("LAPACK", "libopenblas-dev", "openblas-devel"),
    "openblas": SystemPackage("OpenBLAS", "libopenblas-dev", "openblas-devel"),
}

_HEADER = re.compile(r"(?:fatal error: |['\"])([\w./+-]+\.h(?:pp)?)['\"]?(?::? No such file| file not found)")
_PROGRAM_NAMES = "|".join(sorted(map(re.escape, _PROGRAMS), key=len, reverse=True))
_PROGRAM = re.compile(
    rf"(?:(?:command|program|executable)\s+['\"`]?(?:\S*-)?({_PROGRAM_NAMES})(?:-\d+)?['\"`]?\s+"
    rf"(?:failed: No such file|not found)"
    rf"|(?:\b|/)({_PROGRAM_NAMES})['\"`]?:? (?:executable |command )?(?:is )?(?:not found|required)"
    rf"|No such file or directory: ['\"](?:\S*[-/])?({_PROGRAM_NAMES})['\"]"
    rf"|(?:unable to execute|cannot find|can't find|couldn't find|could not find|Unknown compiler\(s\): \[\[)"
    rf" ?['\"`]?(?:\S*-)?({_PROGRAM_NAMES})\b)"
)
_LIBRARY = re.compile(r"cannot find -l([\w+-]+)|library ['\"]?(?:-l)?([\w+-]+)['\"]? not found")
_MODULE = re.compile(r"^(?:ModuleNotFoundError|ImportError): No module named ['\"]?([A-Za-z_]\w*)", re.MULTILINE)
_RUST = re.compile(
    r"(?:can't|cannot) find Rust compiler|Rust (?:toolchain|compiler)[^\n]*(?:not|required)", re.IGNORECASE
)
_COMPILER = re.compile(r"no acceptable C compiler found|CMAKE_C(?:XX)?_COMPILER not set")
_NO_WHEEL = re.compile(r"invalid command ['\"]bdist_wheel['\"]")
_NO_MEMORY = re.compile(r"Killed signal terminated program|MemoryError|virtual memory exhausted|out of memory")


def diagnose(output: str, *, label: str) -> list[str]:
    """What would probably make the build of `label` go on, told from what it wrote; the likeliest first."""
    found = [*_system_packages(output)]
    hints = [f"{each.what} may be missing: install `{each.debian}`{_on_fedora(each)}" for each in dict.fromkeys(found)]
    if _NO_MEMORY.search(output):
        hints.append("the machine may have too little memory for this build")
    if _NO_WHEEL.search(output):
        hints.append("`wheel` may be missing in the environment that it is built in: setuptools needs it before 70.1")
    if module := _MODULE.search(output):
        hints.append(
            f"`{label}` needs `{module[1]}` to be built and does not say so: name it in `extra-build-dependencies`, "
            "or build it with `--no-build-isolation` in an environment that has it"
        )
    return hints[:MOST_HINTS]


def _on_fedora(package: SystemPackage) -> str:
    return f" (`{package.fedora}` on Fedora)" if package.fedora != package.debian else ""


def _system_packages(output: str) -> Sequence[SystemPackage]:
    found = []
    for match in _HEADER.finditer(output):
        found += [package for header, package in _HEADERS.items() if _names(match[1], header)]
    for match in _PROGRAM.finditer(output):
        found.append(_PROGRAMS[next(filter(None, match.groups()))])
    for match in _LIBRARY.finditer(output):
        found += [package for name in match.groups() if name and (package := _LIBRARIES.get(name))]
    if _RUST.search(output):
        found.append(_PROGRAMS["cargo"])
    if _COMPILER.search(output):
        found.append(_PROGRAMS["gcc"])
    return found


def _names(included: str, header: str) -> bool:
    return included.startswith(header) if header.endswith("/") else included.rpartition("/")[2] == header
