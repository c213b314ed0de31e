"""Changing one environment so that a kill at any moment leaves it repairable.

The invariant: *a visible `.dist-info` implies that every row of its RECORD is on disk.* A change has two halves.

*Staging* only adds. What comes is linked to its place, except where something is in the way, and its `.dist-info` is
made in a hidden directory, RECORD first: until the commit that RECORD is the list of what there is to undo. What is in
the way is noted before anything is linked, and what belongs there waits in the hidden directory.

*Committing* decides (conflicts are found here, with nothing touched yet), writes the decision down as a journal, and
carries it out in an order in which every step may be done twice:

    hide     the old `.dist-info`s are renamed into the hidden directory
    delete   the old files go, but for those that a visible or a coming RECORD claims
    place    what waited replaces what was in the way
    show     the new `.dist-info`s are renamed to where they are seen
    forget   the journal is renamed, then the hidden directory is removed

`recover` does what a killed run left to do: without a journal it undoes the staging, with one it finishes the commit.

    .dxpy-transaction/x-1.dist-info/    complete but not visible
    .dxpy-transaction/x-1.taken         its site directory and the places that were taken, each ended by a zero byte
    .dxpy-transaction/x-1.waiting/0     what goes to the first place that was taken
    .dxpy-transaction/removed-0/        the first `.dist-info` that is being removed
    .dxpy-transaction/journal           what is decided; `done` when it is carried out

A file in the way that no distribution claims is what a killed installer left, or somebody's own: it is replaced, as
other installers do, but not before the commit. One that a distribution claims which stays is a conflict, unless both
are the same.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self

from dxpy_async.core.manifests import ManifestFile
from dxpy_async.core.schemes import InstallScheme
from dxpy_async.core.settings import LinkMode
from dxpy_async.errors import InstallError
from dxpy_async.installer.carrying_out import carry_out, finish_or_undo, undo, write_journal
from dxpy_async.installer.decision import decide
from dxpy_async.installer.folding import Fold
from dxpy_async.installer.forking import can_fork, in_children
from dxpy_async.installer.installed import InstalledDistribution
from dxpy_async.installer.linking import Linker
from dxpy_async.installer.staging import Staged, Stager, Stored, Waiting
from dxpy_async.installer.state import LINK_MARK, drop_state
from dxpy_async.installer.tree import SEP, TRANSACTION_NAME, Tree, write_file


class Arrival(NamedTuple):
    """A wheel to stage, with what `Transaction.stage` wants to know of it."""

    stored: Stored
    requested: bool = False
    direct_url: str | None = None
    installer: str = "dxpy"
    fold: Fold | None = None
    bytecode: tuple[ManifestFile, ...] = ()


class Transaction:
    """One change of one environment; the environment's lock must be held from `recover` to the end.

    Stage and remove in any order, then `commit`; after an error, `rollback`. Used as a context manager it is rolled
    back when it is left without having been committed. Errors are InstallError and its leaves, InvalidWheel and
    DamagedEntry.
    """

    def __init__(
        self,
        scheme: InstallScheme,
        *,
        link_mode: LinkMode,
        on_fallback: Callable[[str], None],
        allow_overwrites: bool = False,
    ) -> None:
        """`on_fallback` is told, once and in a sentence, when files have to be copied though links were asked for.

        With `allow_overwrites` the last one by name has its way where distributions have different files in one place.
        """
        self._allow_overwrites = allow_overwrites
        self._scheme = scheme
        self._tree = Tree(scheme)
        self._linker = Linker(link_mode, on_fallback)
        self._hidden = f"{self._tree.purelib}{SEP}{TRANSACTION_NAME}"
        self._stager = Stager(self._tree, scheme, self._linker, self._hidden, self._check_open)
        self._staged: list[Staged] = []
        self._leaving: list[str] = []
        self._all_created_known = True
        self._begun = self._recovered = self._decided = self._closed = False
        self._busy = 0
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._closed:
            self.rollback()

    def recover(self) -> bool:
        """Finish or undo what a killed run left; gives whether there was anything. Comes before the first change."""
        with self._explained("repair the environment"):
            self._recovered = True
            if not os.path.lexists(self._hidden):
                return False
            drop_state(self._tree.root)
            return finish_or_undo(self._tree, self._hidden)

    def stage(
        self,
        stored: Stored,
        *,
        requested: bool = False,
        direct_url: str | None = None,
        installer: str = "dxpy",
        fold: Fold | None = None,
        bytecode: tuple[ManifestFile, ...] = (),
    ) -> None:
        """Prepare a wheel of the store: all of it on disk, nothing visible, nothing that was there touched.

        `requested` tells whether somebody asked for it by name, `direct_url` is the text of its `direct_url.json`.
        `fold` are the symbolic links that stand for files of it, `bytecode` is what the store has of that.
        Safe to call from several threads, for a different wheel each; a distribution that it replaces must be removed
        in the same transaction, before or after.
        """
        with self._changed:
            self._begin()
            self._busy += 1
        try:
            with self._explained(f"install `{stored.manifest.filename}`"):
                staged = self._stager.stage(
                    stored,
                    requested=requested,
                    direct_url=direct_url,
                    installer=installer,
                    fold=fold,
                    bytecode=bytecode,
                )
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()
        with self._changed:
            self._staged.append(staged)

    def stage_all(self, arrivals: Sequence[Arrival], *, workers: int = 2) -> None:
        """Stage many wheels in `workers` processes: this one and forked ones, or only this one where it cannot fork.

        Only for callers that no thread or event loop runs beside.
        """
        if workers < 2 or len(arrivals) < 2 or not can_fork():
            for arrival in arrivals:
                self.stage(**arrival._asdict())
            return
        with self._changed:
            self._begin()
        own, *others = _shares(arrivals, workers)
        parts: list[Callable[[], _News]] = [partial(self._stage_here, own)]
        parts += [partial(self._stage_elsewhere, share) for share in others]
        self._all_created_known = False
        news = in_children(parts)
        self._all_created_known = True
        for staged, created, messages in news:
            self._staged += [
                Staged(*facts, tuple(Waiting(*file) for file in waiting), tuple(stale))
                for facts, waiting, stale in staged
            ]
            self._tree.adopt(created)
            for message in messages:
                self._linker.give_up_links(message)

    def _stage_here(self, share: Sequence[Arrival]) -> _News:
        self.stage_all(share, workers=1)
        return [], [], []

    def _stage_elsewhere(self, share: Sequence[Arrival]) -> _News:
        """Stage in a child, and tell in plain types what its parent has to know of it."""
        messages: list[str] = []
        self._linker.on_fallback = messages.append
        before, created = len(self._staged), len(self._tree.created)
        self.stage_all(share, workers=1)
        staged = [
            (item[:4], [(file.target, file.digest, file.name) for file in item.waiting], list(item.stale))
            for item in self._staged[before:]
        ]
        return staged, self._tree.created[created:], messages

    def remove(self, installed: InstalledDistribution) -> None:
        """Have a distribution removed by `commit`, with everything that makes its project visible."""
        with self._changed:
            self._begin()
            for directory in installed.directories:
                parent = self._tree.real(os.path.normpath(directory.parent))
                if parent not in self._tree.sites:
                    raise InstallError(f"`{directory}` is not installed in `{self._tree.root}`")
                self._leaving.append(f"{parent}{SEP}{directory.name}")

    def commit(self) -> None:
        """Make what is staged visible in place of what is removed.

        Raises FileConflict, and InstallError for a project that would be visible twice, with nothing changed yet. An
        error of the disk after the decision leaves the rest to the next `recover`.
        """
        with self._changed:
            self._check_open()
            if self._busy:
                raise InstallError("wheels are still being prepared")
            if not self._begun:
                self._closed = True
                return
            with self._explained("change the environment"):
                journal = decide(
                    self._tree,
                    self._hidden,
                    self._staged,
                    frozenset(self._leaving),
                    allow_overwrites=self._allow_overwrites,
                )
                write_journal(self._hidden, journal)
                self._decided = self._closed = True
                carry_out(self._tree, self._hidden, journal)

    def rollback(self) -> None:
        """Undo what is staged: the environment is as it was before. Nothing to do once `commit` has decided.

        Waits for wheels that other threads are still preparing; they are given up at their next directory.
        """
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._busy)
            if self._begun and not self._decided:
                self._begun = False
                with self._explained("undo the change of the environment"):
                    # A child that failed has not told which directories it made: then all that is left empty goes.
                    undo(self._tree, self._hidden, created=self._tree.created if self._all_created_known else None)

    def _begin(self) -> None:
        """Before the first change. The environment is not what its state record says any more."""
        self._check_open()
        if self._begun:
            return
        if not self._recovered:
            self.recover()
        with self._explained("change the environment"):
            drop_state(self._tree.root)
            for site in self._tree.sites:
                self._tree.make(site)
            if self._linker.mode is LinkMode.SYMLINK:
                with suppress(FileExistsError):
                    write_file(f"{self._tree.root}{SEP}{LINK_MARK}", b"")
            if len({os.stat(site).st_dev for site in self._tree.sites}) > 1:
                raise InstallError(f"`{self._tree.platlib}` and `{self._tree.purelib}` are on different file systems")
            os.mkdir(self._hidden)
        self._begun = True

    def _check_open(self) -> None:
        if self._closed:
            raise InstallError("this change of the environment has ended already")

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Name what could not be done, and where, when the disk refuses."""
        try:
            yield
        except OSError as error:
            where = f" (`{error.filename}`)" if error.filename else ""
            raise InstallError(f"cannot {what} in `{self._tree.root}`: {error.strerror or error}{where}") from error


_News = tuple[
    list[tuple[tuple[str, str, str, str], list[tuple[str, str, str]], list[str]]],
    list[str],
    list[str],
]
"""What a child tells of its work: what is staged, directories made, and why links were given up."""


def _shares(arrivals: Sequence[Arrival], workers: int) -> list[list[Arrival]]:
    """Split work so that each share has about as many files; none is empty."""
    shares: list[list[Arrival]] = [[] for _ in range(min(workers, len(arrivals)))]
    loads = [0] * len(shares)
    for arrival in sorted(arrivals, key=lambda item: len(item.stored.manifest.files), reverse=True):
        lightest = loads.index(min(loads))
        shares[lightest].append(arrival)
        loads[lightest] += len(arrival.stored.manifest.files) + 20
    return shares
