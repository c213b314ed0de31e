"""The files of one environment as safe places: no path made here leads outside of it.

Paths in a RECORD, a wheel or a journal are somebody's text. They are joined without asking the disk, then each
directory on the way is looked at: a component that is a link counts only where it leads, and only inside the
environment. What comes out is the *real* path, so that two spellings of one file are seen to be one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from dxpy_async.core.places import DOCUMENT_NAME, RECEIPT_NAME, STATE_NAME
from dxpy_async.core.schemes import InstallScheme
from dxpy_async.errors import InstallError
from dxpy_async.installer.installed import DIST_INFO, EGG_INFO
from dxpy_async.installer.scripts import is_protected_script
from dxpy_async.installer.state import LINK_MARK

TRANSACTION_NAME = ".dxpy-transaction"
"""The directory in `purelib` where a change of the environment is prepared."""

SEP = os.sep

_OWN_FILES = frozenset(
    {"pyvenv.cfg", "lib64", ".lock", LINK_MARK, STATE_NAME, f"{STATE_NAME}.new", DOCUMENT_NAME, RECEIPT_NAME}
)
"""What in the root is a part of the environment itself. `lib64` is a link that some Pythons find their modules by."""


class Blocked(Exception):
    """A directory cannot be made because a file, or a link that leaves the environment, is in its place (`path`)."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Tree:
    """The directories below an environment's prefix. Real directories are remembered: nobody else may change them.

    Safe to use from several threads.
    """

    def __init__(self, scheme: InstallScheme) -> None:
        prefix = os.path.normpath(str(scheme.prefix))
        self.root = os.path.realpath(prefix)
        self._real: dict[str, str] = {prefix: self.root, self.root: self.root}
        self.created: list[str] = []
        """Real paths of the directories that `make` made, parents before children."""
        self._created: set[str] = set()
        self.purelib, self.platlib = self._place(scheme.purelib), self._place(scheme.platlib)
        self.sites = (self.purelib,) if self.purelib == self.platlib else (self.purelib, self.platlib)
        self.scripts = self._place(scheme.scripts)
        self._stdlib = os.path.realpath(scheme.stdlib) if scheme.stdlib is not None else None
        self.own_directories = frozenset({self.root, self.scripts, *self.sites})
        """Directories that stay, and in which a file can be a part of the environment itself."""

    def _place(self, path: Path) -> str:
        """The real path of one of the scheme's directories, even a missing one. Raises InstallError for one outside."""
        directory = os.path.realpath(path)
        if directory != self.root and not directory.startswith(f"{self.root}{SEP}"):
            raise InstallError(f"`{path}` is not inside the environment `{self.root}`")
        return directory

    def real(self, directory: str) -> str | None:
        """The real path of an existing directory; None when it is missing, no directory, or outside the environment.

        `directory` is absolute and normalised.
        """
        try:
            return self._walk(directory, make=False)
        except (Blocked, FileNotFoundError):
            return None

    def expect(self, directory: str, missing: dict[str, str]) -> tuple[str, bool]:
        """The real path that `directory` has or would have if it were made, and whether it exists.

        `missing` remembers what does not, from call to call. Raises Blocked.
        """
        while True:
            names: list[str] = []
            ancestor = directory
            while ancestor not in missing and ancestor not in self._real:
                ancestor, separator, name = ancestor.rpartition(SEP)
                if not separator or not name:
                    raise Blocked(directory)
                names.append(name)
            if ancestor in missing:  # no need to ask the disk
                return f"{missing[ancestor]}{''.join(f'{SEP}{name}' for name in reversed(names))}", False
            real = self._real[ancestor]
            if not names:
                return real, True
            nearest = f"{ancestor}{SEP}{names[-1]}"
            try:
                self._walk(nearest, make=False)
            except FileNotFoundError:
                missing[nearest] = f"{real}{SEP}{names[-1]}"

    def make(self, directory: str) -> str:
        """The real path of a directory that is made if need be. Raises Blocked when something is in its way."""
        known = self._real.get(directory)
        if known is not None:
            return known
        parent, _, name = directory.rpartition(SEP)
        base = self._real.get(parent)
        if base is None:
            return self._walk(directory, make=True)
        path = f"{base}{SEP}{name}"
        try:
            os.mkdir(path)
        except FileExistsError:
            return self._walk(directory, make=True)
        self._real[directory] = path
        self.adopt((path,))
        return path

    def is_fresh(self, real: str) -> bool:
        """Whether `make` made this directory, so that nothing was in it before."""
        return real in self._created

    def locate(self, site: str, path: str, *, through_links: bool = True) -> str | None:
        """The real path that a RECORD's row means, whose last component may be anything or missing.

        `site` is real. None for a row that is absolute, empty, names a directory by its form, or leads outside the
        environment; without `through_links` also for one that goes through a linked directory.
        """
        if not path or path[0] == "/" or path[-1] == "/":
            return None
        if SEP != "/" and (SEP in path or os.path.splitdrive(path)[0]):
            return None
        joined = f"{site}{SEP}{path if SEP == '/' else path.replace('/', SEP)}"
        if path[0] == "." or "/." in path or "//" in path:
            if path.endswith(("/.", "/..")) or path in (".", ".."):
                return None
            joined = os.path.normpath(joined)
        directory, _, name = joined.rpartition(SEP)
        real = self._real.get(directory) or self.real(directory)
        if real is None or (real != directory and not through_links):
            return None
        return f"{real}{SEP}{name}"

    def nearest(self, path: str) -> str:
        """The real path of the innermost directory that is there of those on the way to `path`, or of the prefix."""
        directory = os.path.normpath(path).rpartition(SEP)[0]
        while (real := self.real(directory)) is None:
            directory = directory.rpartition(SEP)[0]
            if not directory:
                return self.root
        return real

    def relative(self, real: str) -> str:
        """A real path below the prefix, as text for a journal or a person."""
        return real[len(self.root) + 1 :]

    def absolute(self, relative: str) -> str | None:
        """The real path that `relative` named; None when it does not lead there any more."""
        return self.locate(self.root, relative.replace(SEP, "/"), through_links=False)

    def own_part(self, real: str) -> bool:
        """Whether a real path is a part of the environment itself, which no distribution may bring or take away.

        Modules of the interpreter are, where it lies inside.
        """
        directory, _, name = real.rpartition(SEP)
        if directory == self.root:
            return name in _OWN_FILES
        if directory == self.scripts:
            return is_protected_script(name)
        if any(real == site or real.startswith(f"{site}{SEP}") for site in self.sites):
            return any(real.startswith(f"{site}{SEP}{TRANSACTION_NAME}") for site in self.sites)
        return self._stdlib is not None and (real == self._stdlib or real.startswith(f"{self._stdlib}{SEP}"))

    def metadata_directory(self, real: str) -> str | None:
        """The `.dist-info` or `.egg-info` that a real path is or lies in, None when in none."""
        for site in self.sites:
            if real.startswith(f"{site}{SEP}"):
                first = real[len(site) + 1 :].partition(SEP)[0]
                if first.endswith((DIST_INFO, EGG_INFO)):
                    return f"{site}{SEP}{first}"
        return None

    def prune(self, directories: Iterable[str], *, only: Container[str] | None = None) -> None:
        """Remove these real directories and their parents as far as they are empty, never the environment's own.

        With `only`, none but those in it.
        """
        gone: set[str] = set()
        for directory in sorted(set(directories), key=len, reverse=True):
            while directory not in self.own_directories and directory.startswith(f"{self.root}{SEP}"):
                if only is not None and directory not in only:
                    break
                try:
                    os.rmdir(directory)
                except FileNotFoundError:
                    pass
                except OSError:  # not empty, or not ours to remove
                    break
                gone.add(directory)
                directory = directory.rpartition(SEP)[0]  # noqa: PLW2901
        self._real = {lexical: real for lexical, real in self._real.items() if real not in gone}

    def adopt(self, created: Iterable[str]) -> None:
        """Directories that another process made for this one."""
        for directory in created:
            self.created.append(directory)
            self._created.add(directory)

    def _walk(self, directory: str, *, make: bool) -> str:
        """Go down from the nearest known ancestor."""
        names: list[str] = []
        ancestor = directory
        while (known := self._real.get(ancestor)) is None:
            ancestor, separator, name = ancestor.rpartition(SEP)
            if not separator or not name:
                raise Blocked(directory)
            names.append(name)
        lexical, real = ancestor, known
        for name in reversed(names):
            lexical = f"{lexical}{SEP}{name}"
            real = self._enter(f"{real}{SEP}{name}", make=make)
            self._real[lexical] = real
        return real

    def _enter(self, path: str, *, make: bool) -> str:
        if make:
            try:
                os.mkdir(path)
            except FileExistsError:
                pass
            else:
                self.adopt((path,))
                return path
        try:
            mode = os.lstat(path).st_mode
        except NotADirectoryError as error:
            raise Blocked(path) from error
        except FileNotFoundError:
            raise
        except OSError as error:  # a name that is too long, a loop
            raise Blocked(path) from error
        if stat.S_ISDIR(mode):
            return path
        if stat.S_ISLNK(mode):
            target = os.path.realpath(path)
            if (target == self.root or target.startswith(f"{self.root}{SEP}")) and os.path.isdir(target):
                return target
        raise Blocked(path)


def write_file(path: str, contents: bytes, *, mode: int = 0o666) -> None:
    """Write a new file. Raises FileExistsError when something is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    with open(descriptor, "wb") as file:
        file.write(contents)


def remove_tree(path: str) -> None:
    """Remove a directory of ours with all that is in it, or a file. Links are not followed; missing is fine."""
    try:
        names = os.listdir(path) if stat.S_ISDIR(os.lstat(path).st_mode) else None
        if names is None:
            os.unlink(path)
            return
    except FileNotFoundError:
        return
    stack = [(path, iter(names))]
    while stack:
        directory, rest = stack[-1]
        name = next(rest, None)
        if name is None:
            os.rmdir(directory)
            stack.pop()
            continue
        child = f"{directory}{SEP}{name}"
        if stat.S_ISDIR(os.lstat(child).st_mode):
            stack.append((child, iter(os.listdir(child))))
        else:
            os.unlink(child)


def files_below(directory: str) -> Iterator[str]:
    """The paths of all that is not a directory below `directory`; links are not followed."""
    stack = [directory]
    while stack:
        with os.scandir(stack.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    stack.append(entry.path)
                else:
                    yield entry.path
