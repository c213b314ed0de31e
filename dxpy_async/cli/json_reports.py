"""Writing what programs read on stdout: documents and lines of JSON. Loaded only where they are asked for."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence

from dxpy_async.cli.json_documents import ErrorDocument
from dxpy_async.cli.output import Output


def write_document(document: Mapping[str, object], output: Output) -> None:
    """Write `document`, with all that was warned of, and the seconds since the command began.

    In lines, it is the last one.
    """
    seconds = round(time.perf_counter() - output.started, 6)
    write_json({**document, "warnings": output.warnings, "seconds": seconds}, indent=None if output.in_lines else 2)


def write_json(value: Mapping[str, object], *, indent: int | None = None) -> None:
    """Write `value` as it is. All but ASCII is escaped, so neither the terminal nor an encoding can come to harm."""
    sys.stdout.write(json.dumps(value, indent=indent) + "\n")
    sys.stdout.flush()


def error_document(code: str, message: str, hints: Sequence[str], exit_code: int) -> ErrorDocument:
    """What a command that fails has on stdout in place of its own document."""
    return {"schema": "dxpy/error/1", "code": code, "message": message, "hints": list(hints), "exit_code": exit_code}
