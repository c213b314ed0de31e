"""Preparing one wheel in an environment: everything on disk, nothing visible, nothing that was there touched."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Protocol

from dxpy_async.core.manifests import NO_DIGEST, Manifest, ManifestFile
from dxpy_async.core.schemes import InstallScheme
from dxpy_async.errors import FileConflict, InstallError, InvalidWheel
from dxpy_async.installer.folding import Fold
from dxpy_async.installer.installed import DIST_INFO, parse_dist_info
from dxpy_async.installer.layout import Layout, Link, Written, encoded, lay_out, record_bytes, relative_path
from dxpy_async.installer.linking import Linker
from dxpy_async.installer.ownership import bytecode_of, source_of
from dxpy_async.installer.scripts import launchers, rewrite_shebang
from dxpy_async.installer.tree import SEP, Blocked, Tree, write_file

TAKEN_SUFFIX = ".taken"
WAITING_SUFFIX = ".waiting"

_UNRECORDED = encoded([NO_DIGEST])[0]


class Stored(Protocol):
    """A wheel that lies unpacked in the store."""

    @property
    def directory(self) -> Path: ...

    @property
    def manifest(self) -> Manifest: ...


class Waiting(NamedTuple):
    """A file that could not be put in its place (`target`), and where it waits: a name in the hidden directory."""

    target: str
    digest: str
    name: str

    @property
    def is_bytecode(self) -> bool:
        """Whether it is bytecode of the store, which no RECORD lists: it goes where its source goes."""
        return self.digest == _UNRECORDED


class Staged(NamedTuple):
    """A wheel that is prepared: its project, its file name for people, its metadata directory, and the open questions.

    `site` is the real directory that will show `dist_info`. `stale` is bytecode of sources that were not there.
    """

    project: str
    label: str
    dist_info: str
    site: str
    waiting: tuple[Waiting, ...]
    stale: tuple[str, ...]


class _Parts(NamedTuple):
    """A wheel's files, sorted by how they get to their places."""

    layout: Layout
    copied: list[tuple[str, ManifestFile]]
    generated: list[tuple[str, bytes]]
    metadata: list[tuple[str, bytes]]
    record: bytes


class Stager:
    """Prepares wheels in one environment. Safe to use from several threads, for a different wheel each.

    `hidden` is the directory for what must not be seen yet. `check` is called between directories and may raise to
    stop.
    """

    def __init__(
        self, tree: Tree, scheme: InstallScheme, linker: Linker, hidden: str, check: Callable[[], None]
    ) -> None:
        self._tree, self._scheme, self._linker, self._hidden, self._check = tree, scheme, linker, hidden, check

    def stage(
        self,
        stored: Stored,
        *,
        requested: bool,
        direct_url: str | None,
        installer: str,
        fold: Fold | None = None,
        bytecode: tuple[ManifestFile, ...] = (),
    ) -> Staged:
        """Prepare one wheel, with symbolic links for what is in `fold`, and with `bytecode` that the store has of it.

        Raises InvalidWheel, FileConflict for what would replace a part of the environment itself, DamagedEntry, and
        InstallError for a wheel that is prepared already; OSError for what the disk refuses.
        """
        manifest, store = stored.manifest, str(stored.directory)
        parts = self._take_apart(manifest, store, requested, direct_url, installer, fold, bytecode)
        taken, stale = self._look(manifest, parts)
        tree, own = self._tree, f"{self._hidden}{SEP}{manifest.dist_info}"
        site = tree.purelib if manifest.root_is_purelib else tree.platlib
        try:
            os.mkdir(own)
        except FileExistsError as error:
            raise InstallError(f"`{manifest.filename}` is prepared for installation already") from error
        if (
            taken or len(tree.sites) > 1
        ):  # must be there before the RECORD is, which says that there is something to undo
            write_taken(f"{stem(own)}{TAKEN_SUFFIX}", site, taken)
        write_file(f"{own}{SEP}RECORD", parts.record)
        waiting = self._put_payload(manifest, store, parts, taken)
        self._put_metadata(manifest, store, parts, own)
        return Staged(manifest.name, manifest.filename, manifest.dist_info, site, tuple(waiting), tuple(stale))

    def _take_apart(
        self,
        manifest: Manifest,
        store: str,
        requested: bool,
        direct_url: str | None,
        installer: str,
        fold: Fold | None,
        bytecode: tuple[ManifestFile, ...],
    ) -> _Parts:
        parsed = parse_dist_info(manifest.dist_info)
        if parsed is None or parsed[0] != manifest.name or SEP in manifest.dist_info or "/" in manifest.dist_info:
            raise InvalidWheel(manifest.filename, f"has a metadata directory of another name: `{manifest.dist_info}`")
        layout = lay_out(manifest, self._scheme)
        if fold is not None:
            layout = layout.folded(fold)
        commands = {s.name: s.contents for s in launchers(manifest.entry_points, self._scheme, manifest.filename)}
        copied: list[tuple[str, ManifestFile]] = []
        for name, file in layout.scripts:
            if name in commands:
                continue  # an entry point of the same name is the newer way to say the same
            contents = self._rewritten(manifest, store, file)
            if contents is None:
                copied.append((name, file))
            else:
                commands[name] = contents
        metadata = [("INSTALLER", f"{installer}\n".encode())]
        if requested:
            metadata.append(("REQUESTED", b""))
        if direct_url is not None:
            metadata.append(("direct_url.json", direct_url.encode()))
        in_scripts = relative_path(os.path.normpath(self._scheme.scripts), layout.site)
        in_metadata = f"{manifest.dist_info}/"
        record = record_bytes(
            layout,
            [(f"{in_scripts}{name}", file) for name, file in copied]
            + [(f"{in_metadata}{name}", file) for name, file in layout.metadata],
            [Written(f"{in_scripts}{name}", contents) for name, contents in commands.items()]
            + [Written(f"{in_metadata}{name}", contents) for name, contents in metadata],
            f"{in_metadata}RECORD",
        )
        # Bytecode has no rows in RECORD: Python may make it anew, and uninstallers find it by its source.
        layout = layout.with_bytecode(bytecode, fold)
        return _Parts(layout, copied, list(commands.items()), metadata, record)

    def _rewritten(self, manifest: Manifest, store: str, file: ManifestFile) -> bytes | None:
        source = self._linker.checked(manifest, store, file)
        with open(source, "rb") as script:
            start = script.read(8)
            return rewrite_shebang(start + script.read(), self._scheme) if start == b"#!python" else None

    def _look(self, manifest: Manifest, parts: _Parts) -> tuple[set[str], set[str]]:
        """Which places are taken already, and which bytecode lies around for sources that are not there.

        Only directories that were there before this transaction are looked into. Raises for a place that no wheel may
        fill: a part of the environment itself, or another distribution's metadata.
        """
        tree, filename = self._tree, manifest.filename
        taken: set[str] = set()
        stale: set[str] = set()
        missing: dict[str, str] = {}
        for directory, names in self._directories(parts):
            try:
                real, exists = tree.expect(directory, missing)
            except Blocked:
                continue  # nothing is put there before the commit
            self._check_place(filename, real)
            if real in tree.own_directories:
                for name in names:
                    self._check_place(filename, f"{real}{SEP}{name}")
            if exists and not tree.is_fresh(real):
                taken.update(path for name in names if os.path.lexists(path := f"{real}{SEP}{name}"))
                stale |= bytecode_of(tree, [f"{real}{SEP}{name}" for name in names])
        return taken, stale

    def _check_place(self, filename: str, real: str) -> None:
        if self._tree.own_part(real):
            raise FileConflict(
                f"`{filename}` has `{self._tree.relative(real)}`, which would replace a part of the environment itself"
            )
        if self._tree.metadata_directory(real) is not None:
            raise InvalidWheel(filename, f"has files where only metadata can be: `{self._tree.relative(real)}`")

    def _directories(self, parts: _Parts) -> list[tuple[str, list[str]]]:
        found = [(directory, [name for name, _ in files]) for directory, files in parts.layout.payload.items()]
        found += [(directory, [name for name, _ in files]) for directory, files in parts.layout.bytecode.items()]
        found += [(directory, [link.name for link in links]) for directory, links in parts.layout.links.items()]
        commands = [name for name, _ in parts.copied] + [name for name, _ in parts.generated]
        if commands:
            found.append((os.path.normpath(self._scheme.scripts), commands))
        return found

    def _put_payload(self, manifest: Manifest, store: str, parts: _Parts, taken: set[str]) -> list[Waiting]:
        """Put every file in its place, or among those that wait because theirs is taken."""
        waiting = _WaitingRoom(self._hidden, f"{stem(manifest.dist_info)}{WAITING_SUFFIX}")
        for directory, files in parts.layout.payload.items():
            self._put_files(manifest, store, directory, files, taken, waiting)
        for directory, links in parts.layout.links.items():
            self._check()
            self._put_links(manifest, store, directory, links, taken, waiting)
        if parts.copied or parts.generated:
            self._put_scripts(manifest, store, parts, taken, waiting)
        # After all sources, because it waits when its source waits: it would be beside another's.
        late = {file.target for file in waiting.files}
        for directory, files in parts.layout.bytecode.items():
            self._put_files(manifest, store, directory, files, taken, waiting, late_sources=late)
        return waiting.files

    def _put_files(
        self,
        manifest: Manifest,
        store: str,
        directory: str,
        files: list[tuple[str, ManifestFile]],
        taken: Collection[str],
        waiting: _WaitingRoom,
        *,
        late_sources: Collection[str] = (),
    ) -> None:
        """Put files in their places, those whose place is taken and bytecode of late sources among what waits."""
        self._check()
        try:
            real = self._tree.make(directory)
        except Blocked:
            real, late = directory, files
        else:
            late = [item for item in files if f"{real}{SEP}{item[0]}" in taken] if taken else []
            if late_sources:
                late += [item for item in files if source_of(real, item[0]) in late_sources and item not in late]
            free = [item for item in files if item not in late] if late else files
            late += self._linker.place(manifest, store, real, free)
        for name, file in late:
            place = waiting.add(f"{real}{SEP}{name}", file.sha256)
            self._linker.place(manifest, store, waiting.directory, [(place, file)])

    def _put_links(
        self,
        manifest: Manifest,
        store: str,
        directory: str,
        links: list[Link],
        taken: set[str],
        waiting: _WaitingRoom,
    ) -> None:
        try:
            real, blocked = self._tree.make(directory), False
        except Blocked:
            real, blocked = directory, True
        for name, path, file in links:
            target = f"{real}{SEP}{name}"
            if file is not None:
                self._linker.checked(manifest, store, file)
            if not blocked and target not in taken:
                try:
                    os.symlink(f"{store}/{path}", target)
                    continue
                except FileExistsError:
                    pass  # another wheel of this transaction has just put it there
            number = waiting.add(target, file.sha256 if file is not None else b"")
            os.symlink(f"{store}/{path}", f"{waiting.directory}{SEP}{number}")

    def _put_scripts(
        self, manifest: Manifest, store: str, parts: _Parts, taken: set[str], waiting: _WaitingRoom
    ) -> None:
        """Scripts are never linked: they are executable, whatever the file in the store is."""
        try:
            real = self._tree.make(os.path.normpath(self._scheme.scripts))
        except Blocked as error:
            raise FileConflict(f"`{error.path}` is in the place of the directory for scripts") from error
        makers: list[tuple[str, bytes, Callable[[str], None]]] = [
            (name, file.sha256, partial(self._linker.copy, manifest, store, file, executable=True))
            for name, file in parts.copied
        ]
        makers += [
            (name, sha256(contents).digest(), partial(write_file, contents=contents, mode=0o777))
            for name, contents in parts.generated
        ]
        for name, digest, make in makers:
            target = f"{real}{SEP}{name}"
            if target not in taken:
                try:
                    make(target)
                    continue
                except FileExistsError:
                    pass  # another wheel of this transaction has just put it there
            make(f"{waiting.directory}{SEP}{waiting.add(target, digest)}")

    def _put_metadata(self, manifest: Manifest, store: str, parts: _Parts, own: str) -> None:
        groups: dict[str, list[tuple[str, ManifestFile]]] = {"": []}
        for inside, file in parts.layout.metadata:
            head, _, name = inside.rpartition("/")
            groups.setdefault(head, []).append((name, file))
        for head, files in groups.items():
            directory = f"{own}{SEP}{head.replace('/', SEP)}" if head else own
            os.makedirs(directory, exist_ok=True)
            self._linker.place(manifest, store, directory, files)
        for name, contents in parts.metadata:
            write_file(f"{own}{SEP}{name}", contents)


class _WaitingRoom:
    """A wheel's files whose places are taken, under numbers in a directory that is made when there is a first one."""

    def __init__(self, hidden: str, name: str) -> None:
        self.directory = f"{hidden}{SEP}{name}"
        self.files: list[Waiting] = []
        self._name = name

    def add(self, target: str, digest: bytes) -> str:
        """The number under which what belongs to `target` is to be put into `directory`; a directory has no digest."""
        if not self.files:
            os.mkdir(self.directory)
        number = str(len(self.files))
        self.files.append(Waiting(target, encoded([digest])[0] if digest else "", f"{self._name}{SEP}{number}"))
        return number


def write_taken(path: str, site: str, taken: Iterable[str]) -> None:
    """Note a wheel's site directory and the places that were taken before it came, as real paths."""
    write_file(path, b"".join([os.fsencode(place) + b"\0" for place in (site, *taken)]))


def read_taken(path: str) -> list[str]:
    """The site directory and the places that `write_taken` noted; empty when it noted nothing."""
    try:
        with open(path, "rb") as file:
            return os.fsdecode(file.read()).split("\0")[:-1]
    except FileNotFoundError:
        return []


def stem(dist_info: str) -> str:
    """`x-1` of `x-1.dist-info`."""
    return dist_info[: -len(DIST_INFO)]
