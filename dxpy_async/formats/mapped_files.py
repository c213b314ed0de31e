"""Opening a file by mapping it, with the checks that come before a single byte of it is looked at."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from dxpy_async.errors import FormatError


class Mapped:
    """What is read of bytes that are mapped, or in memory: to be closed, or used with `with`."""

    _data: bytes | mmap.mmap

    @classmethod
    def _of(cls, data: bytes | mmap.mmap, *arguments: Any, **options: Any) -> Self:
        """The reader of `data`, which is let go when that fails."""
        try:
            return cls(data, *arguments, **options)  # type: ignore[call-arg]
        except BaseException:
            if isinstance(data, mmap.mmap):
                data.close()
            raise

    def close(self) -> None:
        """Unmap the file. What was read stays; what was not cannot be read any more."""
        if isinstance(self._data, mmap.mmap):
            self._data.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def map_file(
    path: str | os.PathLike[str], name: str, *, what: str, limit: int, refuse: Callable[[str, str], FormatError]
) -> bytes | mmap.mmap:
    """The content of a regular file of at most `limit` bytes, mapped; empty bytes for an empty one.

    `name` and `what` are how errors call the file and its kind. Raises what `refuse` makes of name and reason, and
    OSError when the file cannot be opened.
    """
    # a pipe of that name must not make anybody wait
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise refuse(name, "is not a regular file")
        if status.st_size > limit:
            raise refuse(name, f"has {status.st_size} bytes, the limit for a {what} is {limit}")
        # an empty file cannot be mapped
        return mmap.mmap(descriptor, status.st_size, access=mmap.ACCESS_READ) if status.st_size else b""
    except ValueError as error:
        raise refuse(name, f"cannot be mapped: {error}") from error
    finally:
        os.close(descriptor)
