"""Filling a new environment from a blueprint: no plan, no looking around, only the system calls that it takes.

The protocol is that of `installer.transaction`, for the case that nothing is there yet: each `.dist-info` is made in
the hidden directory, RECORD first; then the wheel's files get their places; at the end the `.dist-info`s are renamed to
where they are seen. Nothing is taken away, so there is no journal: a kill leaves visible what is complete, and hidden
what `Transaction.recover` takes back. The same goes for anything unexpected, a place that is taken or a link that is
refused: what was begun is left where it is, for the full installer to take back and to do properly.

Paths are relative to two open directories, the wheel's in the store and the site directory, and mostly the same in
both; with paths from the root the system walks fifteen directories for each file, which is a third of the time.
"""

from __future__ import annotations

import binascii
import os

from dxpy_async.errors import InstallError
from dxpy_async.installer.blueprints import read_part
from dxpy_async.installer.forking import can_fork, in_children
from dxpy_async.installer.shebang import shebang
from dxpy_async.installer.state import LINK_MARK

try:  # where it is, for loading OpenSSL with `hashlib` takes a tenth of what the whole of this takes
    from _sha2 import sha256  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dxpy_async.installer.blueprints import Part, Wheel

INSTALLER = b"dxpy\n"

_TRANSACTION_NAME = ".dxpy-transaction"
_CHUNK = 1024 * 1024


class Assembly:
    """One new environment at `root`, where `site` and `scripts` are directories by relative paths.

    `store` is the directory of the store's packages, `cache_dir` the one that everything is in.
    """

    def __init__(self, root: str, *, site: str, scripts: str, cache_dir: str) -> None:
        self._root, self._cache_dir = root, cache_dir
        self._site, self._scripts = f"{root}/{site}", f"{root}/{scripts}"
        self._hidden = f"{self._site}/{_TRANSACTION_NAME}"
        self._start = shebang(f"{self._scripts}/python")
        self._made: set[str] = set()

    def install(self, wheels: Sequence[Wheel], *, symlinks: bool, workers: int = 2) -> None:
        """Install everything, in `workers` processes where this one can fork.

        Raises InstallError and OSError, with the environment as after a kill.
        """
        if os.listdir(self._site):  # undoing must never meet somebody's own
            raise InstallError(f"`{self._site}` is not empty")
        if symlinks:
            _write(f"{self._root}/{LINK_MARK}", b"", 0o666)
        os.mkdir(self._hidden)
        shares = _shares(wheels, workers if can_fork() else 1)
        in_children([self._task(share) for share in shares])
        for name in os.listdir(self._hidden):
            os.rename(f"{self._hidden}/{name}", f"{self._site}/{name}")
        os.rmdir(self._hidden)

    def _task(self, wheels: Iterable[Wheel]) -> Callable[[], None]:
        return lambda: self._stage_all(wheels)

    def _stage_all(self, wheels: Iterable[Wheel]) -> None:
        site = os.open(self._site, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for wheel in wheels:
                part = read_part(self._cache_dir, wheel.part)
                if part is None:
                    raise InstallError(f"the record of {wheel.name} is gone")
                store = f"{self._cache_dir}/packages-v1/{wheel.key[:2]}/{wheel.key[2:4]}/{wheel.key}"
                source = os.open(store, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    self._stage(wheel, part, store, source, site)
                finally:
                    os.close(source)
        finally:
            os.close(site)

    def _stage(self, wheel: Wheel, part: Part, store: str, source: int, site: int) -> None:
        own = f"{_TRANSACTION_NAME}/{part.dist_info}"
        commands = [(name, self._start + body) for name, body in part.written]
        added = [("INSTALLER", INSTALLER)]
        if wheel.requested:
            added.append(("REQUESTED", b""))
        if wheel.direct_url is not None:
            added.append(("direct_url.json", wheel.direct_url.encode()))
        rows = [part.record.decode()]
        rows += [_row(f"{part.above}{name}", contents) for name, contents in commands]
        rows += [_row(f"{part.dist_info}/{name}", contents) for name, contents in added]
        rows.append(f"{part.dist_info}/RECORD,,\n")
        os.mkdir(own, dir_fd=site)
        _write(f"{own}/RECORD", "".join(rows).encode(), 0o666, site)
        self._make_directories(part.directories, site)
        if part.paths:
            self._link(part, frozenset(wheel.shared), source, site)
        for path in part.links:
            os.symlink(f"{store}/{path}", path, dir_fd=site)
        for path in part.moved_directories:
            self._make_directories((f"{self._root}/{path}",), site)
        for path, place, size, time in part.moved:
            if f"/{place}" not in wheel.shared:
                _check(os.stat(path, dir_fd=source), size, time)
                os.link(path, f"{self._root}/{place}", src_dir_fd=source)
        for path, name, size, time in part.copied:
            self._copy(path, name, size, time, source)
        for name, contents in commands:
            _write(f"{self._scripts}/{name}", contents, 0o777)
        for path in part.metadata_directories:
            os.mkdir(f"{own}/{path}", dir_fd=site)
        for name, size, time in part.metadata:
            path = f"{part.dist_info}/{name}"
            _check(os.stat(path, dir_fd=source), size, time)
            os.link(path, f"{own}/{name}", src_dir_fd=source, dst_dir_fd=site)
        for name, contents in added:
            _write(f"{own}/{name}", contents, 0o666, site)

    def _make_directories(self, paths: Iterable[str], site: int) -> None:
        """Make those that this process has not made; another wheel, in another process, may have made them, too."""
        made, mkdir = self._made, os.mkdir
        for path in paths:
            if path not in made:
                made.add(path)
                try:
                    mkdir(path, dir_fd=site)
                except FileExistsError:
                    continue

    def _link(self, part: Part, shared: frozenset[str], source: int, site: int) -> None:
        link, stat = os.link, os.stat
        for path, size, time in zip(part.paths, part.sizes, part.times, strict=True):
            if path in shared:
                continue
            # Held against what it was, so that an edit through another environment's link does not spread: 2 of 10 µs.
            facts = stat(path, dir_fd=source)
            if facts.st_size != size or facts.st_mtime_ns != time:
                raise InstallError(f"`{path}` was changed in the store")
            link(path, path, src_dir_fd=source, dst_dir_fd=site)

    def _copy(self, path: str, name: str, size: int, time: int, source: int) -> None:
        """Scripts of wheels are executable, whatever the file in the store is."""
        target = f"{self._scripts}/{name}"
        reading = os.open(path, os.O_RDONLY, dir_fd=source)
        try:
            _check(os.fstat(reading), size, time)
            writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o777)
            try:
                copied = 0
                while chunk := os.read(reading, _CHUNK):  # some are programs of 30 MB
                    copied += len(chunk)
                    _write_all(writing, chunk)
            finally:
                os.close(writing)
        finally:
            os.close(reading)
        if copied != size:
            raise InstallError(f"`{path}` is not as long as it was")
        os.utime(target, ns=(time, time))


def _check(facts: os.stat_result, size: int, time: int) -> None:
    if facts.st_size != size or facts.st_mtime_ns != time:
        raise InstallError("a file was changed in the store")


def _row(path: str, contents: bytes) -> str:
    digest = binascii.b2a_base64(sha256(contents).digest(), newline=False).decode().rstrip("=")
    return f"{path},sha256={digest.replace('+', '-').replace('/', '_')},{len(contents)}\n"


def _write(path: str, contents: bytes, mode: int, directory: int | None = None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode, dir_fd=directory)
    try:
        _write_all(descriptor, contents)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, contents: bytes) -> None:
    while contents:  # a disk that fills up takes a part first
        contents = contents[os.write(descriptor, contents) :]


def _shares(wheels: Sequence[Wheel], workers: int) -> list[list[Wheel]]:
    """Split work so that each share is about as much; at least one, which may be empty."""
    shares: list[list[Wheel]] = [[] for _ in range(max(1, min(workers, len(wheels))))]
    loads = [0] * len(shares)
    for wheel in sorted(wheels, key=lambda wheel: wheel.weight, reverse=True):
        lightest = loads.index(min(loads))
        shares[lightest].append(wheel)
        loads[lightest] += wheel.weight
    return shares
