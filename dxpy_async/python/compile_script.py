"""The program that an interpreter runs to compile sources: they come on standard input, the code goes to its output.

It is never imported: it is read as text and given to the interpreter with `-s -S -c`. It must run on every Python from
3.8 on, so its syntax is old and it imports only what importing itself needs.

Both ways go blocks of bytes: a size as four bytes, little-endian, then that many. Down go pairs of a path and a source,
up goes for each pair the contents of a `.pyc` file, or nothing for a source that this Python does not understand. The
code is of the kind that is used only while it fits its source (PEP 552), so that it can never lie.
"""

from __future__ import annotations

import importlib.util
import marshal
import sys
import warnings


def main() -> None:
    read, write = sys.stdin.buffer.read, sys.stdout.buffer.write
    warnings.simplefilter("ignore")
    while True:
        size = read(4)
        if not size:
            break
        path = read(int.from_bytes(size, "little")).decode()
        source = read(int.from_bytes(read(4), "little"))
        code = compiled(path, source)
        write(len(code).to_bytes(4, "little") + code)


def compiled(path: str, source: bytes) -> bytes:
    try:
        code = compile(source, path, "exec", dont_inherit=True)
        body = marshal.dumps(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return b""
    checked = b"\3\0\0\0"
    return importlib.util.MAGIC_NUMBER + checked + importlib.util.source_hash(source) + body


main()
