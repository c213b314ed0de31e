"""What a failed build probably lacks, told from real words of compilers and build tools."""

from __future__ import annotations

import pytest

from dxpy_async.builds.diagnoses import diagnose


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        (
            "foo.c:1:10: fatal error: Python.h: No such file or directory\ncompilation terminated.",
            "Python's header files may be missing: install `python3-dev` (`python3-devel` on Fedora)",
        ),
        (
            "c/_cffi_backend.c:15:10: fatal error: ffi.h: No such file or directory",
            "the header files of libffi may be missing: install `libffi-dev` (`libffi-devel` on Fedora)",
        ),
        (
            "build/temp/_openssl.c:575:10: fatal error: openssl/opensslv.h: No such file or directory",
            "the header files of OpenSSL may be missing: install `libssl-dev` (`openssl-devel` on Fedora)",
        ),
        (
            "src/x.c:3:10: fatal error: 'sasl/sasl.h' file not found",
            "the header files of SASL may be missing: install `libsasl2-dev` (`cyrus-sasl-devel` on Fedora)",
        ),
        (
            "Error: pg_config executable not found.\n\npg_config is required to build psycopg2 from source.",
            "the client library of PostgreSQL may be missing: install `libpq-dev` (`libpq-devel` on Fedora)",
        ),
        (
            "/bin/sh: 1: mysql_config: not found\nOSError: mysql_config not found",
            (
                "the client library of MySQL may be missing: "
                "install `default-libmysqlclient-dev` (`mysql-devel` on Fedora)"
            ),
        ),
        (
            "error: command 'gcc' failed: No such file or directory",
            "a C compiler may be missing: install `build-essential` (`gcc` on Fedora)",
        ),
        (
            "unable to execute 'x86_64-linux-gnu-gcc': No such file or directory",
            "a C compiler may be missing: install `build-essential` (`gcc` on Fedora)",
        ),
        (
            "../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc'], ['clang']]",
            "a C compiler may be missing: install `build-essential` (`gcc` on Fedora)",
        ),
        (
            "../meson.build:10:0: ERROR: Unknown compiler(s): [['gfortran'], ['flang']]",
            "a Fortran compiler may be missing: install `gfortran` (`gcc-gfortran` on Fedora)",
        ),
        (
            "Cargo, the Rust package manager, is not installed or is not on PATH.\nerror: can't find Rust compiler",
            "Rust may be missing: install `cargo`",
        ),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'cmake'",
            "CMake may be missing: install `cmake`",
        ),
        (
            "/usr/bin/ld: cannot find -lpq: No such file or directory",
            "the client library of PostgreSQL may be missing: install `libpq-dev` (`libpq-devel` on Fedora)",
        ),
        (
            "Traceback (most recent call last):\nModuleNotFoundError: No module named 'numpy'",
            (
                "`it` needs `numpy` to be built and does not say so: name it in `extra-build-dependencies`, "
                "or build it with `--no-build-isolation` in an environment that has it"
            ),
        ),
        (
            "c++: fatal error: Killed signal terminated program cc1plus",
            "the machine may have too little memory for this build",
        ),
        (
            "error: invalid command 'bdist_wheel'",
            "`wheel` may be missing in the environment that it is built in: setuptools needs it before 70.1",
        ),
    ],
)
def test_a_hint_for_what_is_missing(output: str, hint: str) -> None:
    assert diagnose(output, label="it") == [hint]


def test_an_error_of_the_code_is_no_missing_package() -> None:
    assert diagnose("foo.c:3: error: expected ';'\nerror: command 'gcc' failed with exit code 1", label="it") == []
    assert diagnose("TypeError: 'NoneType' object is not callable", label="it") == []


def test_only_the_first_few_are_said() -> None:
    output = "\n".join(f"x.c:1: fatal error: {name}: No such file or directory" for name in ("ffi.h", "png.h", "gmp.h"))
    assert len(diagnose(f"{output}\nModuleNotFoundError: No module named 'a'", label="it")) == 3
