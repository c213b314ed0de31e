"""File locks that die with the process that holds them. The one place that knows how systems lock files.

A lock is held by an open descriptor, never by the existence of a file: a process that is killed leaves nothing to
clean up. On POSIX it is `flock`, so that two holders in one process exclude each other as two processes do; on Windows
it is a lock on the first byte, which knows no sharing, so shared holders wait for each other there.
"""

from __future__ import annotations

import errno
import os
import time

from dxpy_async.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:  # a sync that only links is done in a few times what importing this takes
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

try:
    import fcntl
except ImportError:
    import msvcrt

    def _lock(descriptor: int, *, shared: bool) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]

else:

    def _lock(descriptor: int, *, shared: bool) -> None:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


POLL_SECONDS = 0.05
"""How often a waiting holder looks whether the lock is free."""

_HELD_BY_ANOTHER = frozenset({errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, errno.EDEADLK})


def try_lock_descriptor(descriptor: int, *, shared: bool = False) -> bool:
    """Lock what `descriptor` is open on until it is closed; False when another holds it. Raises OSError else."""
    try:
        _lock(descriptor, shared=shared)
    except OSError as error:
        if error.errno in _HELD_BY_ANOTHER:
            return False
        raise
    return True


def is_held(path: str) -> bool:
    """Whether somebody holds the lock at `path` alone. A lock that was never made is held by nobody."""
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return False
    try:
        return not try_lock_descriptor(descriptor, shared=True)
    finally:
        os.close(descriptor)


class FileLock:
    """One holder of the lock at `path`. Make one object per holder; an object is held once at a time.

    With `is_directory` the directory at `path` is locked itself, for where a file would be litter; on Windows, which
    cannot do that, it is a file in it all the same.
    """

    def __init__(self, path: str | os.PathLike[str], *, shared: bool = False, is_directory: bool = False) -> None:
        self._path, self._shared = os.fspath(path), shared
        self._is_directory = is_directory and hasattr(os, "O_DIRECTORY")
        if is_directory and not self._is_directory:
            self._path = os.path.join(self._path, ".lock")
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        return self._descriptor is not None

    def try_acquire(self) -> bool:
        """Take the lock if it is free now; for whoever waits by other means than blocking.

        The file and its directory are made if need be, and never removed. Raises StoreError when that is impossible
        or the filesystem has no locks.
        """
        if self._descriptor is not None:
            raise RuntimeError(f"{self._path} is already held by this holder")
        try:
            return self._try_acquire()
        except OSError as error:
            raise StoreError(f"cannot lock `{self._path}`: {error.strerror or error}") from error

    def acquire(
        self, *, timeout: float | None = None, on_wait: Callable[[], None] | None = None, poll: float = POLL_SECONDS
    ) -> None:
        """Take the lock, waiting while another has it, at most `timeout` seconds (None: for ever).

        `on_wait` is called once, when there turns out to be something to wait for. Raises StoreError on time-out.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        told = False
        while not self.try_acquire():
            if deadline is not None and time.monotonic() >= deadline:
                raise StoreError(f"`{self._path}` is still locked by another process after {timeout:g} seconds")
            if not told and on_wait is not None:
                on_wait()
            told = True
            time.sleep(poll)

    def release(self) -> None:
        """Let go. Does nothing when the lock is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            _unlock(descriptor)
            os.close(descriptor)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _try_acquire(self) -> bool:
        while True:
            descriptor = self._open()
            try:
                if not try_lock_descriptor(descriptor, shared=self._shared):
                    os.close(descriptor)
                    return False
                current = self._is_current(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            if current:
                self._descriptor = descriptor
                return True
            os.close(descriptor)  # the file was replaced between opening and locking: others lock the new one

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        if self._is_directory:
            os.makedirs(self._path, exist_ok=True)
            return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.open(self._path, flags, 0o666)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self._path) or ".", exist_ok=True)
            return os.open(self._path, flags, 0o666)

    def _is_current(self, descriptor: int) -> bool:
        held = os.fstat(descriptor)
        try:
            named = os.stat(self._path)
        except FileNotFoundError:
            return False
        return (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino)
