"""Environments and stored wheels for tests of the installer: real wheels, a real store, real directories."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

from blake3 import blake3
from wheels import build_wheel

from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.schemes import InstallScheme
from dxpy_async.core.settings import LinkMode
from dxpy_async.installer.check import verify_environment
from dxpy_async.installer.folding import Fold, fold, sites_files
from dxpy_async.installer.installed import InstalledDistribution, read_installed
from dxpy_async.installer.symlinks import has_links
from dxpy_async.installer.transaction import Transaction
from dxpy_async.store.adding import add_wheel
from dxpy_async.store.bytecode import read_bytecode, sources_of, write_bytecode
from dxpy_async.store.store import Store, StoredWheel

Tree = dict[str, tuple[object, ...]]


class World:
    """A store and an environment below one directory."""

    def __init__(self, root: Path, *, link_mode: LinkMode = LinkMode.HARDLINK) -> None:
        self.root, self.link_mode = root, link_mode
        self.store = Store(root / "cache")
        self.prefix = root / "env"
        self.site = self.prefix / "lib/python3.12/site-packages"
        self.scripts = self.prefix / "bin"
        self.messages: list[str] = []
        if not self.prefix.exists():
            self.scripts.mkdir(parents=True)
            self.site.mkdir(parents=True)
            (self.prefix / "pyvenv.cfg").write_text("home = /usr/bin\n")
            (self.scripts / "python").write_text("the interpreter")
            (self.scripts / "activate").write_text("activation")
        self.scheme = InstallScheme(
            prefix=self.prefix,
            purelib=self.site,
            platlib=self.site,
            scripts=self.scripts,
            data=self.prefix,
            headers=self.prefix / "include/site/python3.12",
            python=self.scripts / "python",
            cache_tag="cpython-312",
        )

    def wheel(self, name: str, version: str = "1.0", **parts: Any) -> StoredWheel:
        """Build a wheel and put it into the store."""
        return put_wheel(self.store, self.root / "wheels", name, version, **parts)

    def transaction(self, *, allow_overwrites: bool = False) -> Transaction:
        return Transaction(
            self.scheme,
            link_mode=self.link_mode,
            on_fallback=self.messages.append,
            allow_overwrites=allow_overwrites,
        )

    def installed(self, name: str) -> InstalledDistribution:
        return read_installed(self.scheme)[normalize(name)]

    def versions(self) -> dict[str, str]:
        return {name: found.version for name, found in read_installed(self.scheme).items()}

    def change(self, *stored: StoredWheel, remove: tuple[str, ...] = ()) -> None:
        """Install `stored`, in place of what is there of the same projects, and remove the projects in `remove`."""
        there = read_installed(self.scheme)
        replaced = {wheel.manifest.name for wheel in stored if wheel.manifest.name in there}
        self.change_unplanned(*stored, remove=tuple(there[normalize(name)] for name in sorted({*remove, *replaced})))

    def change_unplanned(self, *stored: StoredWheel, remove: tuple[InstalledDistribution, ...] = ()) -> None:
        """Install and remove just what is said."""
        folds = self.folds(stored)
        with self.transaction() as transaction:
            for wheel in stored:
                transaction.stage(
                    wheel,
                    fold=folds.get(wheel.manifest.name),
                    bytecode=read_bytecode(str(wheel.directory), self.scheme.cache_tag) or (),
                )
            for distribution in remove:
                transaction.remove(distribution)
            transaction.commit()

    def folds(self, stored: tuple[StoredWheel, ...]) -> dict[ProjectName, Fold]:
        """The symbolic links of these wheels, where the environment has such."""
        if self.link_mode is not LinkMode.SYMLINK:
            return {}
        files = {wheel.manifest.name: sites_files(wheel.manifest) for wheel in stored}
        there = has_links(self.scheme)
        return fold(files, lambda path: there and (self.site / path).is_dir() and not (self.site / path).is_symlink())

    def compile(self, stored: StoredWheel) -> StoredWheel:
        """Give the entry files that stand for bytecode, one for each source."""
        found = []
        for path in sources_of(stored.manifest, self.scheme.cache_tag):
            source = stored.directory / path
            target = source.parent / "__pycache__" / f"{source.stem}.{self.scheme.cache_tag}.pyc"
            target.parent.mkdir(exist_ok=True)
            target.write_text(f"bytecode of {path}")
            sha256 = hashlib.sha256(target.read_bytes()).hexdigest()
            found.append((str(target), target.stat().st_size, target.stat().st_mtime_ns, sha256))
        write_bytecode(str(stored.directory), self.scheme.cache_tag, found)
        return stored

    def stage(self, *stored: StoredWheel) -> None:
        """Only prepare `stored`, and leave it at that."""
        transaction = self.transaction()
        for wheel in stored:
            transaction.stage(wheel)

    def put(self, path: str, contents: str = "") -> Path:
        """A file of nobody's in the environment."""
        target = self.prefix / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # it may be a link to the store
        target.write_text(contents)
        return target

    def put_installed(self, name: str, record: str, *, version: str = "1.0") -> Path:
        """A distribution that somebody else installed: whatever RECORD it has."""
        directory = self.site / f"{name}-{version}.dist-info"
        directory.mkdir()
        (directory / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
        (directory / "RECORD").write_text(record)
        return directory

    def assert_sound(self) -> None:
        """Every visible distribution is complete, and nothing of a transaction is left."""
        assert verify_environment(self.scheme) == []
        assert not (self.site / ".dxpy-transaction").exists()


def put_wheel(store: Store, directory: Path, name: str, version: str = "1.0", **parts: Any) -> StoredWheel:
    """Build a wheel in `directory` and put it into the store."""
    archive = build_wheel(directory, name, version, **parts)
    contents = archive.read_bytes()
    return add_wheel(
        store,
        archive,
        archive.name,
        sha256=hashlib.sha256(contents).hexdigest(),
        blake3=blake3(contents).hexdigest(),
        size=len(contents),
    )


def tree_of(directory: Path) -> Tree:
    """Every file, link and directory below `directory`, with what is in it, to see whether anything changed."""
    found: Tree = {}
    for parent, directories, files in os.walk(directory):
        for name in [*directories, *files]:
            path = Path(parent, name)
            relative = str(path.relative_to(directory))
            facts = path.lstat()
            if stat.S_ISLNK(facts.st_mode):
                found[relative] = ("link", os.readlink(path))
            elif stat.S_ISDIR(facts.st_mode):
                found[relative] = ("directory",)
            else:
                found[relative] = (facts.st_mode, facts.st_mtime_ns, facts.st_ino, path.read_bytes())
    return found
