"""The first line of a script that a given interpreter is to run; with hardly an import."""

from __future__ import annotations

from dxpy_async.errors import InstallError

_LONGEST_SHEBANG = 127
"""Bytes of a first line that every kernel reads whole: Linux before 5.1 cut it at 128."""


RELOCATABLE = b'#!/bin/sh\n\'\'\'exec\' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"\n\' \'\'\'\n'
"""The first lines of a script that is run by the `python` beside it, wherever both are: a command for the shell, and
for Python a string."""


def shebang(interpreter: str) -> bytes:
    """The first line, or lines, that make a file start with `interpreter`.

    A path that is too long for a first line or has a blank in it is started through `/bin/sh`, in lines which the shell
    reads as a command and Python as a string.
    """
    try:
        line = f"#!{interpreter}\n".encode()
    except UnicodeEncodeError as error:
        raise InstallError(f"scripts cannot name an interpreter whose path is not UTF-8: {interpreter!r}") from error
    if any(character in interpreter for character in "\n\r\0"):
        raise InstallError(f"scripts cannot name an interpreter with a line break in its path: {interpreter!r}")
    if len(line) <= _LONGEST_SHEBANG and b" " not in line and b"\t" not in line:
        return line
    if "\\" in interpreter:
        raise InstallError(f"scripts cannot name an interpreter with a backslash in its path: `{interpreter}`")
    quoted = interpreter.replace("'", "'\"'\"'")  # never three quotes in a row, which would end Python's string
    return f"#!/bin/sh\n'''exec' '{quoted}' \"$0\" \"$@\"\n' '''\n".encode()
