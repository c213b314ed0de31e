"""What is said between the engine and its unpack workers: one JSON object a line, a job down, an answer up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from dxpy_async.errors import DxpyError

READY = b"ready\n"
"""What a worker says first: it has started, and its modules could be imported."""

LINE_BYTES = 1024**2
"""More than any job or answer has."""

UNPACK_WORKERS = 2
"""How many processes unpack beside an engine."""


class UnpackJob(NamedTuple):
    """One wheel to add to the store at `root`; the other fields are those of `adding.add_wheel`."""

    root: str
    archive: str
    filename: str
    sha256: str
    blake3: str
    size: int


def encode_job(job: UnpackJob) -> bytes:
    return json.dumps(job).encode() + b"\n"


def decode_job(line: bytes) -> UnpackJob:
    return UnpackJob._make(json.loads(line))


def encode_done() -> bytes:
    """The answer to a job that was done."""
    return b"{}\n"


def encode_failure(error: DxpyError) -> bytes:
    """The answer to a job that failed: everything needed to raise the same error elsewhere."""
    attributes = {name: value for name, value in vars(error).items() if not name.startswith("_")}
    failure = {"code": error.code, "message": str(error), "hints": list(error.hints()), "attributes": attributes}
    return json.dumps(failure).encode() + b"\n"


def decode_answer(line: bytes) -> DxpyError | None:
    """None when the job was done, else the error it failed with: same class, message, hints and attributes.

    Raises ValueError for a line that is no answer.
    """
    answer: dict[str, Any] = json.loads(line)
    if not answer:
        return None
    try:
        kind = next(kind for kind in _kinds(DxpyError) if kind.code == answer["code"])
        error = kind.__new__(kind)
        DxpyError.__init__(error, answer["message"], hints=answer["hints"])
        vars(error).update(answer["attributes"])
    except (KeyError, TypeError, StopIteration) as fault:
        raise ValueError(f"not an answer: {line[:200]!r}") from fault
    return error


def _kinds(kind: type[DxpyError]) -> Iterator[type[DxpyError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)
