"""The store: unpacked wheels, each under the BLAKE3 of its archive, shared by all environments.

    packages-v1/ab/cd/<blake3>/       the files of one wheel, read-only
    packages-v1/ab/cd/<blake3>.dpp    its manifest, a thin package; the entry exists when this file does
    aliases-v1/ab/<sha256>            the BLAKE3 of the archive that has this SHA-256
    files-v1/places                   where files of given contents are (`known_files`), to be linked and not written
    tmp-v1/<pid>-<random>/            somebody's work in progress, locked by descriptor while its owner lives

A writer unpacks in a directory of its own, renames it into place, and then puts the manifest beside it. A reader
therefore sees a whole entry or none, and a writer that is killed leaves only what `sweep_staging` removes. Nothing is
synced to the disk file by file, which would cost more than an installation: after a power cut a manifest may have come
through while files have not, so entries older than the last start of the machine are compared with their manifests
once before they are trusted again. A manifest's own modification time says when that was, or when it was used last.

Whatever is damaged is a miss: `find` never raises, and the next `publish` of the same wheel puts it right.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from dxpy_async.core.manifests import Manifest
from dxpy_async.errors import FormatError, StoreError
from dxpy_async.formats.dpp_manifest import decode_manifest, encode_manifest
from dxpy_async.store.failures import store_error
from dxpy_async.store.known_files import KnownFiles
from dxpy_async.store.locks import FileLock, try_lock_descriptor
from dxpy_async.store.trees import remove_tree

STAGING_SECONDS = 24 * 60 * 60
"""How long work in progress is left alone where its owner's lock cannot be seen."""

_HEX_DIGITS = "0123456789abcdef"
_DIGEST_DIGITS = 64
_DAY_NS = 24 * 60 * 60 * 10**9
_PUBLISH_POLL_SECONDS = 0.002

_TAG_NAME = "CACHEDIR.TAG"
_CACHE_TAG = """\
Signature: 8a477f597d28d172789f06886806bc55
# This file marks a cache directory, made by dxpy. Backups may leave it out.
# See https://bford.info/cachedir/
"""


class StoredWheel(NamedTuple):
    """A wheel in the store: the directory with its files, and what is known of them."""

    directory: Path
    manifest: Manifest


class Store:
    """The store below `root`, which is made when something is first written.

    `booted_at_ns` is when the machine was started, in nanoseconds since 1970 UTC; entries published before it are
    compared with their manifests before they are used. 0 trusts all entries. With `clock_ns`, the same kind of time, it
    is noted to the day when an entry was used last.
    """

    def __init__(self, root: Path, *, booted_at_ns: int = 0, clock_ns: Callable[[], int] | None = None) -> None:
        self.root = root
        self._booted_at_ns, self._clock_ns = booted_at_ns, clock_ns
        self._packages, self._aliases = f"{root}/packages-v1", f"{root}/aliases-v1"
        self._temporary = f"{root}/tmp-v1"
        self._staged: set[str] = set()
        self.known_files = KnownFiles(str(root), self._packages)

    def find(self, sha256: str) -> StoredWheel | None:
        """The wheel whose archive has this SHA-256 (hex), or None: not there, not readable, or damaged."""
        if not _is_digest(sha256):
            return None
        try:
            with open(self._alias(sha256), "rb") as file:
                blake3 = file.read(_DIGEST_DIGITS + 1).decode("ascii", "replace").rstrip("\n")
        except OSError:
            return None
        return self.find_archive(sha256, blake3)

    def has(self, sha256: str) -> bool:
        """Whether `find` is likely to find something: cheap, and no more than a hint."""
        return _is_digest(sha256) and os.path.lexists(self._alias(sha256))

    def find_archive(self, sha256: str, blake3: str) -> StoredWheel | None:
        """The same, where both digests of the archive are known."""
        if not _is_digest(blake3):
            return None
        path = self._entry(blake3)
        try:
            with open(path + ".dpp", "rb") as file:
                published_ns = os.fstat(file.fileno()).st_mtime_ns
                manifest = decode_manifest(file.read(), path + ".dpp")
        except (OSError, FormatError):
            return None
        if (manifest.sha256, manifest.blake3) != (sha256, blake3) or not os.path.isdir(path):
            return None
        stored = StoredWheel(Path(path), manifest)
        if published_ns < self._booted_at_ns:
            return stored if self._survived(stored) else None
        if self._clock_ns is not None and self._clock_ns() - published_ns > _DAY_NS:
            self._touch(stored)
        return stored

    def entry(self, blake3: str) -> Path:
        """Where the wheel whose archive has this BLAKE3 is, if it is there. Raises StoreError for what is no digest."""
        if not _is_digest(blake3):
            raise StoreError(f"{blake3[:80]!r} is not a digest")
        return Path(self._entry(blake3))

    def publish(self, unpacked: Path, manifest: Manifest) -> StoredWheel:
        """Make the directory `unpacked`, which must be in a staging directory of this store, the entry of its wheel.

        When somebody else has published the same wheel meanwhile, theirs is given back. Raises StoreError.
        """
        try:
            return self._publish(unpacked, manifest)
        except OSError as error:
            raise store_error(error, f"put `{manifest.filename}` into the store") from error

    def check(self, stored: StoredWheel) -> bool:
        """Whether every file still has the size and modification time with which it was published."""
        directory = str(stored.directory)
        try:
            for file in stored.manifest.files:
                found = os.lstat(f"{directory}/{file.path}")
                if (found.st_size, found.st_mtime_ns) != (file.size, file.mtime_ns) or not stat.S_ISREG(found.st_mode):
                    return False
        except OSError:
            return False
        return True

    def quarantine(self, stored: StoredWheel) -> None:
        """Take an entry, damaged or not needed, out of the store: the next `find` is a miss. Raises StoreError."""
        path = str(stored.directory)
        try:
            for name in (path + ".dpp", self._alias(stored.manifest.sha256)):
                with suppress(FileNotFoundError):
                    os.unlink(name)
            self._discard(path)
        except OSError as error:
            raise store_error(error, f"remove `{stored.manifest.filename}` from the store") from error

    @contextmanager
    def staging_directory(self) -> Iterator[Path]:
        """A new directory on the store's filesystem for work in progress; removed at the end. Raises StoreError."""
        self.prepare()
        try:
            path, descriptor = self._make_staging()
        except OSError as error:
            raise store_error(error, f"write to the cache directory `{self.root}`") from error
        try:
            yield Path(path)
        finally:
            try:
                remove_tree(path)
            except OSError as error:
                raise store_error(error, f"clean up in the cache directory `{self.root}`") from error
            finally:
                self._staged.discard(path)
                os.close(descriptor)

    def abandon_staging(self) -> None:
        """Remove the staging directories of this object, for a process that ends here and now, in a signal handler."""
        for path in self._staged:
            with suppress(OSError):  # whatever stays is swept by another
                remove_tree(path)

    def sweep_staging(self, now: float) -> int:
        """Remove what killed writers left behind, and give the number of such directories.

        A directory is removed when nobody holds its lock. Where the filesystem has no locks, and for other files, age
        decides: more than a day before `now`, in seconds since 1970 UTC.
        """
        removed = 0
        if os.path.islink(self._temporary):  # what is there is not the store's
            return 0
        try:
            entries = sorted(os.scandir(self._temporary), key=lambda entry: entry.name)
        except OSError:
            return 0
        for entry in entries:
            with suppress(OSError):  # another sweeper may be there first; what stays is for the next
                removed += self._sweep(entry, now)
        return removed

    def lock(self, *, shared: bool) -> FileLock:
        """A holder of the store's lock: shared by whoever reads entries, exclusive for who removes any."""
        return FileLock(f"{self.root}/store.lock", shared=shared)

    def publishing_lock(self) -> FileLock:
        """A holder of the lock of those who publish; `prepare` the store first."""
        return FileLock(f"{self._temporary}/publish.lock")

    def set_aside(self, path: str) -> str:
        """Move a directory or file of the store among the work in progress, in one step; where it is then.

        Raises OSError.
        """
        aside = f"{self._temporary}/{_unique()}"
        os.rename(path, aside)
        return aside

    def prepare(self) -> None:
        """Make the cache directory if it is not there, and mark it as one. Raises StoreError when that fails."""
        if os.path.isdir(self._temporary) and os.path.lexists(f"{self.root}/{_TAG_NAME}"):
            return
        try:
            os.makedirs(self._temporary, exist_ok=True)
            self._write_new(_TAG_NAME, _CACHE_TAG)
            self._write_new(".gitignore", "*\n")
        except OSError as error:
            if self.root.exists() and not self.root.is_dir():
                raise StoreError(
                    f"the cache directory `{self.root}` is a file",
                    hints=("remove it, or name another directory with `--cache-dir`",),
                ) from error
            raise store_error(error, f"write to the cache directory `{self.root}`") from error

    def _write_new(self, name: str, text: str) -> None:
        with suppress(FileExistsError), open(f"{self.root}/{name}", "x", encoding="utf-8") as file:
            file.write(text)

    def _alias(self, sha256: str) -> str:
        return f"{self._aliases}/{sha256[:2]}/{sha256}"

    def _entry(self, blake3: str) -> str:
        return f"{self._packages}/{blake3[:2]}/{blake3[2:4]}/{blake3}"

    def _survived(self, stored: StoredWheel) -> bool:
        """Whether an entry from before the last start is whole; then it counts as published now."""
        if not self.check(stored):
            return False
        self._touch(stored)
        return True

    def _touch(self, stored: StoredWheel) -> None:
        """Note that an entry is whole and in use; in a store that may only be read, it is checked every time."""
        with suppress(OSError):
            os.utime(f"{stored.directory}.dpp")

    def _publish(self, unpacked: Path, manifest: Manifest) -> StoredWheel:
        path = self._entry(manifest.blake3)
        alias = self._alias(manifest.sha256)
        data = encode_manifest(manifest)
        publishing = self.publishing_lock()
        publishing.acquire(poll=_PUBLISH_POLL_SECONDS)
        try:
            stored = self.find_archive(manifest.sha256, manifest.blake3)
            if stored is None:
                if os.path.lexists(path):  # its writer was killed before the manifest, or it is damaged
                    with suppress(FileNotFoundError):
                        os.unlink(path + ".dpp")
                    self._discard(path)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                os.rename(unpacked, path)
                _replace(path + ".dpp", data, unpacked.parent)
                stored = StoredWheel(Path(path), manifest)
                with suppress(OSError):  # only hints: what is not in them is written once more
                    self.known_files.add(manifest)
            os.makedirs(os.path.dirname(alias), exist_ok=True)
            _replace(alias, manifest.blake3.encode() + b"\n", unpacked.parent)
        finally:
            publishing.release()
        return stored

    def _discard(self, path: str) -> None:
        """Remove an entry's directory: out of sight first, in one step."""
        with suppress(FileNotFoundError):
            remove_tree(self.set_aside(path))

    def _make_staging(self) -> tuple[str, int]:
        """A new directory, and the descriptor that holds its lock. A sweeper may take it in between: then another."""
        while True:
            path = f"{self._temporary}/{_unique()}"
            self._staged.add(path)
            os.mkdir(path, 0o700)
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                self._staged.discard(path)
                continue
            try:
                locked = _lock_or_cannot(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            if locked and os.path.isdir(path):
                return path, descriptor
            self._staged.discard(path)
            os.close(descriptor)

    def _sweep(self, entry: os.DirEntry[str], now: float) -> int:
        old = now - entry.stat(follow_symlinks=False).st_mtime > STAGING_SECONDS
        if not entry.is_dir(follow_symlinks=False):
            if old and entry.name != "publish.lock":
                os.unlink(entry.path)
            return 0
        descriptor = os.open(entry.path, os.O_RDONLY)
        try:
            try:
                abandoned = try_lock_descriptor(descriptor)
            except OSError:
                abandoned = old
            if abandoned:
                remove_tree(entry.path)
            return int(abandoned)
        finally:
            os.close(descriptor)


def _replace(path: str, data: bytes, staging: Path) -> None:
    """Make `path` hold `data` in one step, by way of `staging`, which is swept if this is killed in between."""
    beside = f"{staging}/{_unique()}.new"
    with open(beside, "xb") as file:
        file.write(data)
    os.replace(beside, path)


def _lock_or_cannot(descriptor: int) -> bool:
    """Lock a staging directory; False when a sweeper has it. Without locks on that filesystem, age protects it."""
    try:
        return try_lock_descriptor(descriptor)
    except OSError:
        return True


def _is_digest(text: str) -> bool:
    return len(text) == _DIGEST_DIGITS and not text.strip(_HEX_DIGITS)


def _unique() -> str:
    return f"{os.getpid()}-{os.urandom(8).hex()}"
