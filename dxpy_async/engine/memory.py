"""The hint cache: answers of the solver on disk, each under the key of its question.

    hints-v1/<context>/<key>    one answer; questions about the same environment and settings share a directory

Files are written beside and renamed, so any number of processes may read and write at once. An answer that is damaged,
or is another question's, is no answer, and is removed. When there are too many, those go that were used longest ago.
The memory makes things quicker and is never needed: where it cannot be written, work goes on without.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from dxpy_async.core.names import ProjectName
from dxpy_async.errors import FormatError
from dxpy_async.formats.remembered import (
    BUCKET,
    Remembered,
    decode_remembered,
    encode_remembered,
    remembered_path,
    roots_of_remembered,
)
from dxpy_async.resolver.question import Question

MOST_ANSWERS = 200
MOST_BYTES = 64 * 1024**2
LONGEST_ANSWER = 16 * 1024**2
"""A longer one is not remembered."""

_UNFINISHED = ".tmp"
_FIRST_BYTES = 64 * 1024
"""So much of an answer is read to see what it is about."""


class _Kept(NamedTuple):
    used: int
    size: int
    path: str


class Memory:
    """The answers below `cache_dir`, of which at most `most_answers` of `most_bytes` together stay."""

    def __init__(self, cache_dir: Path, *, most_answers: int = MOST_ANSWERS, most_bytes: int = MOST_BYTES) -> None:
        self._cache_dir, self._root = str(cache_dir), f"{cache_dir}/{BUCKET}"
        self._most_answers, self._most_bytes = most_answers, most_bytes

    def recall(self, question: Question) -> Remembered | None:
        """The answer to `question` that was given last; whether it still holds is for the caller to find out."""
        key = question.key()
        return self._read(remembered_path(self._cache_dir, question.context(), key), key)

    def _read(self, path: str, key: bytes | None = None) -> Remembered | None:
        try:
            with open(path, "rb") as file:
                data = file.read(LONGEST_ANSWER + 1)
            remembered = decode_remembered(data, path)
        except OSError:
            return None
        except FormatError:
            remembered = None
        if remembered is None or (key is not None and remembered.key != key):
            with suppress(OSError):
                os.unlink(path)
            return None
        with suppress(OSError):  # in a cache that may only be read, nothing is removed for its age either
            os.utime(path)
        return remembered

    def nearest(self, question: Question) -> Remembered | None:
        """The answer to the question that is most like `question`: asked for the same environment and settings."""
        wanted = question.root_names
        best: tuple[float, int, str] = (0.0, 0, "")
        for kept in self._kept_in(f"{self._root}/{question.context()}"):
            if kept.path.endswith(_UNFINISHED):
                continue
            with suppress(OSError, FormatError), open(kept.path, "rb") as file:
                roots = roots_of_remembered(file.read(_FIRST_BYTES), kept.path)
                best = max(best, (_likeness(wanted, roots), kept.used, kept.path))
        return self._read(best[2]) if best[0] else None

    def keep(self, question: Question, remembered: Remembered) -> None:
        """Remember the answer to `question`, and forget others where there are too many."""
        data = encode_remembered(remembered)
        if len(data) > LONGEST_ANSWER:
            return
        with suppress(OSError):
            path = remembered_path(self._cache_dir, question.context(), remembered.key)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            _replace(path, data)
            self._forget_the_oldest()

    def _forget_the_oldest(self) -> None:
        with os.scandir(self._root) as contexts:
            kept = sorted(each for context in contexts for each in self._kept_in(context.path))
        count, size = len(kept), sum(each.size for each in kept)
        for each in kept:
            if count <= self._most_answers and size <= self._most_bytes:
                return
            with suppress(OSError):  # another process may be there first
                os.unlink(each.path)
            count, size = count - 1, size - each.size

    @staticmethod
    def _kept_in(directory: str) -> Iterator[_Kept]:
        """What lies in one directory; also what a writer that was killed left there, so that it goes in its turn."""
        with suppress(OSError), os.scandir(directory) as entries:
            for entry in entries:
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    yield _Kept(status.st_mtime_ns, status.st_size, entry.path)


def _likeness(wanted: frozenset[ProjectName], roots: frozenset[ProjectName]) -> float:
    """What part of all names are names of both; 0.0 when none is."""
    return len(wanted & roots) / len(wanted | roots) if wanted or roots else 0.0


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _replace(path: str, data: bytes) -> None:
    beside = os.path.join(os.path.dirname(path), f".{os.urandom(8).hex()}{_UNFINISHED}")
    file = open(beside, "xb", opener=_private)  # noqa: SIM115 - closed below, before it is renamed
    try:
        with file:
            file.write(data)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
