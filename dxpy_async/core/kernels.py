"""Which of a project's versions one specifier allows, or each of many: the same masks by three ways of looking.

A specifier is a few ranges of packed keys (`version_ranges`), a project's versions are a sorted table of such keys, and
so a mask is a matter of where the ends of the ranges fall in the table. The *scalar* way bisects, the *numpy* way and
the *numba* way look for the ends of many specifiers in one call. What keys cannot express is not guessed: a specifier
with `===` or with a version that does not fit a key, and a table in which many versions do not, are left to
`specifiers.matching_mask`, and single versions that do not fit are put to `packaging`.

The automatic choice rests on `benchmarks/kernels.py`: a call into numpy or numba costs more than bisecting for a few
specifiers, and saves up to a third of the time for many. Importing them costs what is saved on a million, so they
are used when they are there already, and numba is imported after that many were asked for in large batches.
"""

from __future__ import annotations

import importlib
import struct
import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path

from packaging.version import Version

from dxpy_async.core.packed_versions import (
    FINAL_STAGE,
    PACKED_KEY_BYTES,
    STAGE_BYTE,
    STAGE_MASK,
    UNFIT,
    key_table,
    version_key,
)
from dxpy_async.core.settings import KernelChoice
from dxpy_async.core.specifiers import allows, matching_mask
from dxpy_async.core.version_ranges import range_bounds
from dxpy_async.errors import UsageError

Find = Callable[[Sequence[bytes]], list[int]]
"""Of each bound, how many keys of a table are below it."""

Finder = Callable[[bytes], Find]

MANY = 16
"""From how many specifiers on a call into numpy or numba is quicker than bisecting."""

WORTH_LOADING = 1_000_000
"""After how many specifiers, asked for in batches of `MANY`, importing numba would have paid."""

PACKING = 5
"""With fewer versions than this to each specifier, packing them is quicker than comparing versions."""

FEW_UNFIT = 4
"""Up to how many versions without a key are put to `packaging` one by one."""


_PRERELEASE = b"".join(
    b"1" if byte & STAGE_MASK < FINAL_STAGE else b"?" if byte & STAGE_MASK == STAGE_MASK else b"0"
    for byte in range(256)
)
"""What the byte of a key that has the stage says of its version: a pre-release, none, or that there is no key."""


class VersionTable:
    """A project's versions, sorted, oldest first, and their packed keys.

    `keys` is what `key_table` makes of the versions; None leaves that until it pays.
    """

    __slots__ = ("_finds", "_keys", "_packed", "versions")

    def __init__(self, versions: Sequence[Version], keys: bytes | None = None) -> None:
        self.versions = versions
        self._keys = keys
        self._packed: tuple[tuple[bytes, ...], tuple[int, ...]] | None = None
        self._finds: dict[KernelChoice, Find] = {}

    @property
    def has_keys(self) -> bool:
        """Whether the keys are there, or would have to be made first."""
        return self._packed is not None or self._keys is not None

    def packed(self) -> tuple[tuple[bytes, ...], tuple[int, ...]]:
        """The keys one by one, and where those of the versions stand that have none.

        In the place of such a key stands the one before, so that the keys are sorted.
        """
        if self._packed is None:
            keys = key_table(self.versions) if self._keys is None else self._keys
            cells = struct.unpack(f"{PACKED_KEY_BYTES}s" * len(self.versions), keys)
            unfit = [place for place, cell in enumerate(cells) if cell == UNFIT] if UNFIT in cells else []
            if unfit:
                cells = tuple(accumulate(cells, _unless_missing, initial=bytes(PACKED_KEY_BYTES)))[1:]
            self._packed = cells, tuple(unfit)
        return self._packed

    def prereleases(self) -> int:
        """Those that are pre-releases, as a mask."""
        if self._keys is None:
            return sum(1 << place for place, version in enumerate(self.versions) if version.is_prerelease)
        flags = self._keys[STAGE_BYTE::PACKED_KEY_BYTES].translate(_PRERELEASE)
        mask = int(flags[::-1].replace(b"?", b"0") or b"0", 2)
        place = flags.find(b"?")
        while place >= 0:  # one without a key
            mask |= self.versions[place].is_prerelease << place
            place = flags.find(b"?", place + 1)
        return mask

    def place_of(self, version: Version) -> int | None:
        """Where `version` stands, None when it is not there."""
        key = version_key(version)
        if self._keys is None or key is None:
            return next((place for place, each in enumerate(self.versions) if each == version), None)
        cell = key.to_bytes(PACKED_KEY_BYTES, "big")
        start = self._keys.find(cell)
        while start % PACKED_KEY_BYTES and start >= 0:
            start = self._keys.find(cell, start + 1)
        return start // PACKED_KEY_BYTES if start >= 0 else None

    def find(self, kernel: KernelChoice, finder: Finder) -> Find:
        """What finds bounds among the keys by means of `kernel`."""
        find = self._finds.get(kernel)
        if find is None:
            find = self._finds[kernel] = finder(b"".join(self.packed()[0]))
        return find


def _unless_missing(before: bytes, cell: bytes) -> bytes:
    return before if cell == UNFIT else cell


class Kernels:
    """Answers with the kernels that were chosen. One object serves any number of resolutions.

    numba keeps its machine code in `cache_dir`; without one, where it does by itself.
    """

    def __init__(self, choice: KernelChoice = KernelChoice.AUTO, *, cache_dir: Path | None = None) -> None:
        self._choice, self._cache_dir = choice, cache_dir
        self._finders: dict[KernelChoice, Finder] = {}
        self._asked = 0

    def mask(self, specifier: str, table: VersionTable) -> int:
        """The versions that `specifier` (empty: any) allows: bit i stands for `table.versions[i]`.

        Exactly what `SpecifierSet.contains(version, prereleases=True)` says of each. Raises
        `packaging.specifiers.InvalidSpecifier`, and UsageError when the kernels that were chosen are not installed.
        """
        return self.masks((specifier,), table)[0]

    def masks(self, specifiers: Sequence[str], table: VersionTable) -> list[int]:
        """`mask` for each of `specifiers`, looked for at once."""
        kernel = self._kernel_for(len(specifiers), table)
        if kernel is None:
            return [matching_mask(specifier, table.versions) for specifier in specifiers]
        find = None if kernel is KernelChoice.SCALAR else table.find(kernel, self._finder(kernel))
        cells, unfit = table.packed()
        if len(unfit) > FEW_UNFIT:
            return [matching_mask(specifier, table.versions) for specifier in specifiers]
        every = [range_bounds(specifier) for specifier in specifiers]
        if find is None:
            masks = [_bisected(bounds or (), cells) for bounds in every]
        else:
            masks = _assembled(every, find([bound for bounds in every if bounds for bound in bounds]))
        if unfit or None in every:
            masks = [
                _completed(mask, specifier, unfit, table.versions)
                if bounds is not None
                else matching_mask(specifier, table.versions)
                for mask, specifier, bounds in zip(masks, specifiers, every, strict=True)
            ]
        return masks

    def _kernel_for(self, count: int, table: VersionTable) -> KernelChoice | None:
        """What looks for the ranges of `count` specifiers; None to compare versions instead."""
        if self._choice is not KernelChoice.AUTO:
            return self._choice
        if not table.has_keys and count * PACKING < len(table.versions):
            return None
        if count < MANY:
            return KernelChoice.SCALAR
        if KernelChoice.NUMBA in self._finders:
            return KernelChoice.NUMBA
        before, self._asked = self._asked, self._asked + count
        if before < WORTH_LOADING <= self._asked and self._has_numba():
            return KernelChoice.NUMBA
        return KernelChoice.NUMPY if sys.modules.get("numpy") is not None else KernelChoice.SCALAR

    def _has_numba(self) -> bool:
        """Whether numba, which nobody asked for by name, is installed and works."""
        try:
            self._finder(KernelChoice.NUMBA)
        except UsageError:
            return False
        return True

    def _finder(self, kernel: KernelChoice) -> Finder:
        finder = self._finders.get(kernel)
        if finder is None:
            finder = self._finders[kernel] = _loaded(kernel, self._cache_dir)
        return finder


def _bisected(bounds: Sequence[bytes], cells: Sequence[bytes]) -> int:
    if len(bounds) == 2:  # nearly always
        return (1 << bisect_left(cells, bounds[1])) - (1 << bisect_left(cells, bounds[0]))
    return _assembled([bounds], [bisect_left(cells, bound) for bound in bounds])[0]


def _assembled(every: Sequence[Sequence[bytes] | None], places: Sequence[int]) -> list[int]:
    """The mask of each, from the places of all their bounds one after the other; 0 for one that has none."""
    stretches = iter([(1 << stop) - (1 << start) for start, stop in zip(places[::2], places[1::2], strict=True)])
    masks = []
    for bounds in every:
        mask = next(stretches) if bounds else 0
        for _ in range(2, len(bounds or ()), 2):
            mask |= next(stretches)
        masks.append(mask)
    return masks


def _completed(mask: int, specifier: str, unfit: Sequence[int], versions: Sequence[Version]) -> int:
    """`mask`, in which the versions that are `unfit` for keys have their right bits, too."""
    for place in unfit:
        mask = mask & ~(1 << place) | allows(specifier, versions[place]) << place
    return mask


def _loaded(kernel: KernelChoice, cache_dir: Path | None) -> Finder:
    """The finder of a kernel that is not there from the start.

    The one place below the command line that imports late, and by name: these modules import numpy and numba, which
    cost as much as a whole warm resolution and which nearly no process needs.
    """
    try:
        module = importlib.import_module(f"dxpy_async.core.kernels_{kernel.value}")
    except ImportError as error:
        raise UsageError(
            f"DXPY_KERNELS is `{kernel.value}`, which cannot be imported: {error}",
            hints=("install it beside dxpy, or unset DXPY_KERNELS: the answers are the same",),
        ) from error
    finder: Finder = module.finder_with(module.compiled(cache_dir)) if kernel is KernelChoice.NUMBA else module.finder
    return finder
