"""Looking after the store: what is in it, whether it is whole, and removing what nobody needs.

Whatever removes holds the store's lock alone, so that nobody reads an entry meanwhile, and the lock of those who
publish. Nothing here takes an entry that an environment needs in place (`roots`) unless it is told to. No link is
followed: whoever put one into the cache would have what is behind it taken for rubbish.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from dxpy_async.core.manifests import Manifest
from dxpy_async.core.names import ProjectName
from dxpy_async.errors import FormatError, StoreError
from dxpy_async.formats.dpp_manifest import decode_manifest
from dxpy_async.store.build_places import place_of, split_roots, spoil, unused_since
from dxpy_async.store.bytecode import all_bytecode
from dxpy_async.store.failures import store_error
from dxpy_async.store.locks import FileLock
from dxpy_async.store.roots import Roots
from dxpy_async.store.store import Store, StoredWheel
from dxpy_async.store.trees import remove_tree

_ANSWERS = (
    *("pages", "metadata", "hints", "locks", "interpreters", "http", "blueprints", "parts", "sdists", "builds"),
    "scripts",
)
"""The buckets of which each file is an answer of its own, that can be asked for or worked out again."""
_OTHERS = (
    *("packages", "aliases", "files", "tmp", "roots", "bytecode", "skeletons", "wheels", "kernels", "git"),
    *("build-environments", "environments"),
)
_BUCKET = re.compile(f"({'|'.join(_ANSWERS + _OTHERS)})-v[0-9]+")
_CHUNK = 1024 * 1024


class Entry(NamedTuple):
    """One wheel in the store. `size` is the bytes of its files, `used_at` seconds since 1970, to the day."""

    project: ProjectName
    version: str
    filename: str
    key: str
    size: int
    files: int
    used_at: float
    directory: Path


class Removed(NamedTuple):
    """What was removed, or would be: entries, files, and bytes that the store has less."""

    entries: tuple[Entry, ...] = ()
    files: int = 0
    size: int = 0

    def with_(self, more: Removed) -> Removed:
        return Removed(self.entries + more.entries, self.files + more.files, self.size + more.size)


class Damage(NamedTuple):
    """An entry that is not what was unpacked: its file, what is wrong, and the environments that need it in place."""

    filename: str
    file: str
    reason: str
    holders: tuple[Path, ...]


class Upkeep:
    """What can be done with a whole store. `on_wait` is called once when there is another process to wait for."""

    def __init__(self, store: Store, *, on_wait: Callable[[], None] | None = None) -> None:
        self._store, self._root, self._on_wait = store, str(store.root), on_wait
        self.roots = Roots(store.root)

    # Looking

    def entries(self) -> list[Entry]:
        """All wheels in the store, by project and version; what cannot be read is left out. Raises StoreError."""
        return sorted(_entry(stored, used_at) for stored, used_at in self._stored())

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Files and bytes of each bucket; a file of several names counts once. Raises StoreError."""
        seen: set[tuple[int, int]] = set()
        return {bucket: _measure(f"{self._root}/{bucket}", seen) for bucket in self._buckets()}

    def verify(self, on_checked: Callable[[Entry], None] | None = None) -> list[Damage]:
        """Compare every file with its digest, and take damaged entries out of the store. Raises StoreError."""
        found: list[Damage] = []
        with self._reading():
            for stored, used_at in self._stored():
                fault = _fault(stored)
                if fault is not None and self._is_current(stored):
                    builds, others = split_roots(self._store.root, self.roots.living())
                    holders = tuple(root.environment for root in others if stored.manifest.blake3 in root.keys)
                    self._store.quarantine(stored)
                    spoil(builds, {stored.manifest.blake3})
                    self.roots.disturb({stored.manifest.blake3})
                    found.append(Damage(stored.manifest.filename, *fault, holders))
                if on_checked is not None:
                    on_checked(_entry(stored, used_at))
        return found

    # Removing

    def collect(self, now: float, *, unused_for: float | None, most: int | None, dry_run: bool = False) -> Removed:
        """Remove what was not used for so many seconds, then what was used longest ago until `most` bytes are left.

        Rubbish goes in any case. Entries that an environment needs stay. Raises StoreError.
        """
        with self._reading() if dry_run else self._alone():
            total = sum(size for _, size in self.sizes().values())
            removed = Removed() if dry_run else self._remove_rubbish(now)
            total -= removed.size
            builds, others = split_roots(self._store.root, self.roots.living())
            needed = {key for root in others for key in root.keys}
            candidates = sorted(self._stored(), key=lambda item: item[1])
            links = _Links(stored for stored, _ in candidates)
            for stored, used_at in candidates:
                expired = unused_for is not None and now - used_at > unused_for
                if not expired and (most is None or total <= most):
                    break
                if stored.manifest.blake3 in needed:
                    continue
                size = links.drop(stored)
                total -= size
                if not dry_run:
                    self._store.quarantine(stored)
                going = Removed((_entry(stored, used_at),), len(stored.manifest.files), size)
                removed = removed.with_(going)
            keys = {entry.key for entry in removed.entries}
            broken = {root.environment for root in builds if not root.keys.isdisjoint(keys)}
            if unused_for is not None:
                removed = removed.with_(self._forget_answers(now - unused_for, dry_run))
                removed = removed.with_(self._forget_commits(now - unused_for, dry_run))
                broken.update(unused_since(self._store.root, now - unused_for))
            return removed.with_(self._remove_builds(broken, dry_run))

    def prune(self, now: float) -> Removed:
        """Remove what is of no use to anyone: unfinished work, entries that cannot be read, aliases of nothing."""
        with self._alone():
            return self._remove_rubbish(now)

    def clean(self, projects: Collection[ProjectName] = (), *, force: bool = False) -> Removed:
        """Remove all that is known of `projects`; without any, everything.

        Only directories that dxpy makes are touched, whatever else lies beside them. Raises StoreError, also for what
        environments need in place, naming them, unless `force` is set.
        """
        if not self._buckets():
            return Removed()
        with self._alone():
            going = [item for item in self._stored() if not projects or item[0].manifest.name in projects]
            if not force:
                self._refuse_for_roots(
                    frozenset(stored.manifest.blake3 for stored, _ in going), everything=not projects
                )
            entries = tuple(sorted(_entry(*item) for item in going))
            try:
                if not projects:
                    return Removed(entries, *self._remove_everything())
                return Removed(entries, *self._remove_projects([stored for stored, _ in going], projects))
            except OSError as error:
                raise store_error(error, f"clean the cache directory `{self._root}`") from error

    def _refuse_for_roots(self, keys: frozenset[str], *, everything: bool) -> None:
        _, others = split_roots(self._store.root, self.roots.living())
        broken = [root.environment for root in others if everything or root.keys & keys]
        if broken:
            names = ", ".join(f"`{environment}`" for environment in broken)
            raise StoreError(
                f"this would break environments that link to the store: {names}",
                hints=("`--force` removes it all the same; `dxpy sync` there repairs them",),
            )

    def _remove_everything(self) -> tuple[int, int]:
        files = size = 0
        for bucket in self._buckets():
            if not bucket.startswith("tmp-"):  # in there somebody may be at work
                more_files, more_size = remove_tree(self._store.set_aside(f"{self._root}/{bucket}"))
                files, size = files + more_files, size + more_size
        return files, size

    def _remove_projects(self, going: Sequence[StoredWheel], projects: Collection[ProjectName]) -> tuple[int, int]:
        builds, _ = split_roots(self._store.root, self.roots.living())
        keys = {stored.manifest.blake3 for stored in going}
        broken = {root.environment for root in builds if not root.keys.isdisjoint(keys)}
        _, files, size = self._remove_builds(broken, dry_run=False)
        self.roots.disturb(keys)
        links = _Links(going)
        for stored in going:
            files, size = files + len(stored.manifest.files), size + links.drop(stored)
            self._store.quarantine(stored)
        for path in self._answers(("pages",)):
            if os.path.basename(path) in projects:
                files, size = files + 1, size + os.path.getsize(path)
                os.unlink(path)
        return files, size

    def _remove_builds(self, places: Iterable[Path], dry_run: bool) -> Removed:
        """Remove environments in the cache."""
        files = size = 0
        for place in places:
            whole = str(place_of(self._store.root, place))
            measured = _measure(whole, set()) if dry_run else remove_tree(self._store.set_aside(whole))
            files, size = files + measured[0], size + measured[1]
        return Removed((), files, size)

    def _remove_rubbish(self, now: float) -> Removed:
        try:
            files, size = self._store.sweep_staging(now), 0
            whole = {str(stored.directory) for stored, _ in self._stored()}
            lost = self._lost_aliases({os.path.basename(directory) for directory in whole})
            for path in (*self._unreadable(whole), *lost):
                more_files, more_size = remove_tree(self._store.set_aside(path))
                files, size = files + more_files, size + more_size
        except OSError as error:
            raise store_error(error, f"clean the cache directory `{self._root}`") from error
        return Removed((), files, size)

    def _unreadable(self, whole: Collection[str]) -> list[str]:
        """Directories and manifests that nobody can find an entry by: one without the other, or damaged."""
        return [
            path
            for parent in _grandchildren(f"{self._root}/packages-v1")
            for path in _children(parent)
            if path.removesuffix(".dpp") not in whole
        ]

    def _lost_aliases(self, keys: Collection[str]) -> list[str]:
        """Aliases of entries that are not there."""
        return [path for path in _grandchildren(f"{self._root}/aliases-v1") if _text(path).strip() not in keys]

    def _forget_answers(self, before: float, dry_run: bool) -> Removed:
        """Remove answers of indexes and interpreters that nobody has read or written since `before`."""
        files = size = 0
        for path in self._answers(_ANSWERS):
            with suppress(FileNotFoundError):
                facts = os.lstat(path)
                if max(facts.st_atime, facts.st_mtime) < before:
                    files, size = files + 1, size + facts.st_size
                    if not dry_run:
                        os.unlink(path)
        return Removed((), files, size)

    def _forget_commits(self, before: float, dry_run: bool) -> Removed:
        """Remove commits of git repositories that nobody has used since `before`, and clones that have none left."""
        files = size = 0
        if any(map(os.path.islink, (f"{self._root}/git-v1", f"{self._root}/git-v1/repositories"))):
            return Removed()
        for commits in _children(f"{self._root}/git-v1/commits"):
            clone = f"{self._root}/git-v1/repositories/{os.path.basename(commits)}"
            lock = FileLock(f"{clone}.lock")
            if not lock.try_acquire():
                continue  # somebody fetches into it
            try:
                there = _children(commits)
                going = [commit for commit in there if _used_at(commit) < before]
                if len(going) == len(there):
                    going = [path for path in (commits, clone) if os.path.isdir(path)]
                for path in going:
                    measured = _measure(path, set()) if dry_run else remove_tree(self._store.set_aside(path))
                    files, size = files + measured[0], size + measured[1]
            finally:
                lock.release()
        return Removed((), files, size)

    def _answers(self, kinds: Iterable[str]) -> Iterator[str]:
        for kind in kinds:
            top = f"{self._root}/{kind}-v1"
            for directory, _, names in os.walk(top) if not os.path.islink(top) else ():
                yield from (f"{directory}/{name}" for name in names)

    # Reading

    def _stored(self) -> Iterator[tuple[StoredWheel, float]]:
        """Every entry that can be read, and when it was used last."""
        for parent in _grandchildren(f"{self._root}/packages-v1"):
            for path in _children(parent):
                if not path.endswith(".dpp"):
                    continue
                try:
                    manifest, used_at = _read_manifest(path)
                except (FileNotFoundError, FormatError):
                    continue
                except OSError as error:
                    raise store_error(error, "read the store") from error
                directory = path.removesuffix(".dpp")
                if os.path.basename(directory) == manifest.blake3 and os.path.isdir(directory):
                    yield StoredWheel(Path(directory), manifest), used_at

    def _is_current(self, stored: StoredWheel) -> bool:
        """Whether an entry is still the one that was read, and not removed or made anew meanwhile."""
        with suppress(FileNotFoundError, FormatError):
            return _read_manifest(f"{stored.directory}.dpp")[0] == stored.manifest
        return False

    def _buckets(self) -> list[str]:
        try:
            return [name for name in sorted(os.listdir(self._root)) if _BUCKET.fullmatch(name)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise store_error(error, f"read the cache directory `{self._root}`") from error

    # Locks

    @contextmanager
    def _reading(self) -> Iterator[None]:
        if not os.access(self._root, os.W_OK):  # nothing can be removed from it either
            yield
            return
        with self._held(self._store.lock(shared=True)):
            yield

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not os.path.isdir(self._root):
            yield
            return
        with self._held(self._store.lock(shared=False)):
            self._store.prepare()
            with self._held(self._store.publishing_lock()):
                yield

    @contextmanager
    def _held(self, lock: FileLock) -> Iterator[None]:
        lock.acquire(on_wait=self._on_wait)
        try:
            yield
        finally:
            lock.release()


class _Links:
    """How many names in the store each file has, so as to tell what removing an entry frees there."""

    def __init__(self, entries: Iterable[StoredWheel]) -> None:
        self._names: Counter[tuple[int, int]] = Counter()
        for stored in entries:
            self._names.update(identity for identity, _ in _inodes(stored))

    def drop(self, stored: StoredWheel) -> int:
        """Take the names of an entry away; the bytes of the files that have none left."""
        freed = 0
        for identity, size in _inodes(stored):
            self._names[identity] -= 1
            freed += size if not self._names[identity] else 0
        return freed


def _inodes(stored: StoredWheel) -> Iterator[tuple[tuple[int, int], int]]:
    """What tells each file of an entry from others, and its bytes."""
    for facts in _files_below(str(stored.directory)):
        yield (facts.st_dev, facts.st_ino), facts.st_size


def _entry(stored: StoredWheel, used_at: float) -> Entry:
    manifest = stored.manifest
    return Entry(
        project=manifest.name,
        version=manifest.version,
        filename=manifest.filename,
        key=manifest.blake3,
        size=sum(file.size for file in manifest.files),
        files=len(manifest.files),
        used_at=used_at,
        directory=stored.directory,
    )


def _read_manifest(path: str) -> tuple[Manifest, float]:
    """A manifest and when its entry was used last."""
    with open(path, "rb") as file:
        return decode_manifest(file.read(), path), os.fstat(file.fileno()).st_mtime


def _fault(stored: StoredWheel) -> tuple[str, str] | None:
    """The first file that is not what was unpacked or compiled, and how it differs; None for a whole entry."""
    try:
        bytecode = all_bytecode(str(stored.directory))
    except OSError as error:
        return stored.directory.name, f"cannot be listed: {error.strerror}"
    for file in (*stored.manifest.files, *bytecode):
        path = f"{stored.directory}/{file.path}"
        try:
            with open(path, "rb", buffering=0) as opened:
                facts = os.fstat(opened.fileno())
                digest = hashlib.sha256()
                while chunk := opened.read(_CHUNK):
                    digest.update(chunk)
        except OSError as error:
            return file.path, f"cannot be read: {error.strerror}"
        if digest.digest() != file.sha256:
            return file.path, "has another content"
        if facts.st_mtime_ns != file.mtime_ns:
            return file.path, "was written to after it was made"
    return None


def _measure(path: str, seen: set[tuple[int, int]]) -> tuple[int, int]:
    """Files and bytes below `path`; those in `seen` were counted already, and what has several names is put there."""
    files = size = 0
    for facts in _files_below(path):
        files += 1
        identity = (facts.st_dev, facts.st_ino)
        if facts.st_nlink == 1 or identity not in seen:
            size += facts.st_size
        if facts.st_nlink > 1:
            seen.add(identity)
    return files, size


def _files_below(path: str) -> Iterator[os.stat_result]:
    """What the system says of each file below a directory; what is removed meanwhile is not missed."""
    pending = [path]
    while pending:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    with suppress(FileNotFoundError):
                        yield os.lstat(entry.path)


def _used_at(path: str) -> float:
    """When a directory was used last: whoever uses one gives it the time of that."""
    return os.lstat(path).st_mtime


def _text(path: str) -> str:
    with suppress(OSError), open(path, encoding="ascii", errors="replace") as file:
        return file.read()
    return ""


def _children(path: str) -> list[str]:
    """The paths of what is in a directory; nothing behind a link, where what lies is not the cache's."""
    if os.path.islink(path):
        return []
    try:
        return [f"{path}/{name}" for name in sorted(os.listdir(path))]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise store_error(error, f"read the cache directory `{path}`") from error


def _grandchildren(path: str) -> Iterator[str]:
    for child in _children(path):
        yield from _children(child)
