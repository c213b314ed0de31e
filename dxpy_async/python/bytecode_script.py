"""What the interpreter of `compiling.add_bytecode` runs: source files to bytecode beside them.

On stdin stand the paths of sources, each ended by a zero byte. On stdout comes for each that this Python understands
its path, the bytecode's, and that file's size, time of change (ns) and SHA-256, each ended by a zero byte.

Bytecode is of the kind that fits its source while size and time of that are the same, because checking that costs an
import nothing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import marshal
import os
import sys
import warnings


def main() -> None:
    warnings.simplefilter("ignore")
    made = set()
    for path in os.fsdecode(sys.stdin.buffer.read()).split("\0")[:-1]:
        place = importlib.util.cache_from_source(path, optimization="")
        directory = os.path.dirname(place)
        if directory not in made:
            made.add(directory)
            os.makedirs(directory, exist_ok=True)
        code = compiled(path)
        if code is not None:
            facts = write(place, code)
            digest = hashlib.sha256(code).hexdigest()
            answer = [path, place, str(facts.st_size), str(facts.st_mtime_ns), digest]
            sys.stdout.buffer.write(os.fsencode("".join(text + "\0" for text in answer)))


def compiled(path):  # type: (str) -> bytes | None
    with open(path, "rb") as file:
        source, facts = file.read(), os.fstat(file.fileno())
    try:
        body = marshal.dumps(compile(source, path, "exec", dont_inherit=True))
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None
    fits = (0, int(facts.st_mtime) & 0xFFFFFFFF, facts.st_size & 0xFFFFFFFF)
    return importlib.util.MAGIC_NUMBER + b"".join(number.to_bytes(4, "little") for number in fits) + body


def write(place, code):  # type: (str, bytes) -> os.stat_result
    beside = f"{place}.{os.getpid()}"
    with open(beside, "wb") as file:
        file.write(code)
    os.chmod(beside, 0o444)
    os.replace(beside, place)
    return os.stat(place)


main()
