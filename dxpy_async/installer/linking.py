"""Bringing files of the store into an environment: by hard link, or by copy where links are not to be had."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable, Iterable

from dxpy_async.core.manifests import Manifest, ManifestFile
from dxpy_async.core.settings import LinkMode
from dxpy_async.errors import DamagedEntry

if sys.platform == "linux":
    import fcntl

_FICLONE = 0x40049409
"""The request that makes a file share the blocks of another, on file systems that can. Source: ioctl_ficlone(2)"""
_CHUNK = 1024 * 1024
_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
_NO_CLONES = frozenset(
    {errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
)


class Linker:
    """Links or copies files, and goes over to copying for good when the file system refuses a link.

    `on_fallback` is told so once, in a sentence for people. Before a file is linked, its size and time are held against
    the manifest: a file that was edited through another environment's link, or cut by a crash, must not spread.
    Measured: the check costs 2 µs of the 10 to 15 µs that a link takes. Safe to use from several threads.
    """

    def __init__(self, mode: LinkMode, on_fallback: Callable[[str], None]) -> None:
        self.mode = mode
        self.on_fallback = on_fallback
        self._lock = threading.Lock()
        self._clones = sys.platform == "linux"

    def place(
        self, manifest: Manifest, store: str, directory: str, files: Iterable[tuple[str, ManifestFile]]
    ) -> list[tuple[str, ManifestFile]]:
        """Put `files` of the wheel unpacked in `store` into `directory` under their names.

        Gives those whose place is taken; what is there is left as it is. Raises DamagedEntry for a file of the store
        that is not what the manifest says, OSError for what the disk refuses.
        """
        taken: list[tuple[str, ManifestFile]] = []
        link, stat = os.link, os.stat
        linking = self.mode in (LinkMode.HARDLINK, LinkMode.SYMLINK)  # what is no symbolic link is a hard one
        for item in files:
            name, (path, size, _, _, mtime_ns) = item
            source, target = f"{store}/{path}", f"{directory}/{name}"
            try:
                facts = stat(source)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise self._damaged(manifest, source, "is gone") from error
            if facts.st_size != size or facts.st_mtime_ns != mtime_ns:
                raise self._damaged(manifest, source, "was changed after it was unpacked")
            try:
                if linking:
                    link(source, target)
                    continue
            except FileExistsError:
                taken.append(item)
                continue
            except OSError as error:
                linking = self._links_go_on(error, directory)
            try:
                self._copy(source, target, item[1])
            except FileExistsError:
                taken.append(item)
        return taken

    def copy(self, manifest: Manifest, store: str, file: ManifestFile, target: str, *, executable: bool) -> None:
        """Make `target` a copy of its own, whatever the mode: a file whose permissions must differ from the store's."""
        self._copy(self.checked(manifest, store, file), target, file._replace(executable=executable))

    def checked(self, manifest: Manifest, store: str, file: ManifestFile) -> str:
        """The path of a file of the store. Raises DamagedEntry when it is not what the manifest says."""
        source = f"{store}/{file.path}"
        try:
            facts = os.stat(source)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._damaged(manifest, source, "is gone") from error
        if facts.st_size != file.size or facts.st_mtime_ns != file.mtime_ns:
            raise self._damaged(manifest, source, "was changed after it was unpacked")
        return source

    def _damaged(self, manifest: Manifest, source: str, reason: str) -> DamagedEntry:
        return DamagedEntry(manifest.filename, key=manifest.blake3, file=source, reason=reason)

    def give_up_links(self, message: str) -> None:
        """Copy from now on, and say why if that was not said before."""
        with self._lock:
            told, self.mode = self.mode is LinkMode.COPY, LinkMode.COPY
        if not told:
            self.on_fallback(message)

    def _links_go_on(self, error: OSError, directory: str) -> bool:
        """Whether only this file cannot be linked, having too many links already; raises what is another error."""
        if error.errno == errno.EMLINK:
            return True
        if error.errno not in _NO_LINKS:
            raise error
        reason = "it is on another file system" if error.errno == errno.EXDEV else os.strerror(error.errno)
        self.give_up_links(
            f"files of the store are copied into `{directory}`, not hard-linked ({reason}); "
            "`DXPY_LINK_MODE=copy` says that this is meant"
        )
        return False

    def _copy(self, source: str, target: str, file: ManifestFile) -> None:
        """A new file with the contents and time of `source`, writable; sharing its blocks where that can be done."""
        reading = os.open(source, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            writing = os.open(target, flags, 0o777 if file.executable else 0o666)
            try:
                if not (self._clones and self._clone(reading, writing)):
                    _copy_bytes(reading, writing)
            finally:
                os.close(writing)
        finally:
            os.close(reading)
        os.utime(target, ns=(file.mtime_ns, file.mtime_ns))

    def _clone(self, reading: int, writing: int) -> bool:
        if sys.platform != "linux":
            return False
        try:
            fcntl.ioctl(writing, _FICLONE, reading)
        except OSError as error:
            if error.errno not in _NO_CLONES:
                raise
            self._clones = False
            if self.mode is LinkMode.CLONE:
                self.give_up_links(
                    "files of the store are copied into the environment, not cloned: its file system, or that of the "
                    "store, cannot share blocks between files; `DXPY_LINK_MODE=copy` says that this is meant"
                )
            return False
        return True


def _copy_bytes(reading: int, writing: int) -> None:
    while chunk := os.read(reading, _CHUNK):
        view = memoryview(chunk)
        while view:
            view = view[os.write(writing, view) :]
