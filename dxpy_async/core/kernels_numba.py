"""Where bounds fall in a table of packed keys, compiled by numba; imported by `kernels` when it is chosen.

For each bound the table is halved down to sixteen keys, and how many of these are below the bound is counted without a
branch, which LLVM turns into comparisons of several keys at a time. Counting all keys so is quicker among ten, takes
twice as long among a hundred and twelve times as long among a thousand; halving down to one takes a tenth longer where
there are many bounds, because the processor cannot guess the last branches.

Compiling takes a second and happens once: numba keeps the machine code on disk, and looks itself whether it is that of
this file, numba's version and the processor.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

_BLOCK = 16
_SIGNATURE = "void(u8[::1], u8[::1], u8[:, ::1], i8[::1])"
_BIG_ENDIAN = np.dtype(">u8")

_Words = NDArray[np.uint64]
_Search = Callable[[_Words, _Words, _Words, NDArray[np.int64]], None]

_DAMAGES = (
    *(OSError, RuntimeError, EOFError, pickle.UnpicklingError),
    *(AttributeError, ImportError, LookupError, TypeError, ValueError, UnicodeDecodeError),
)
"""What reading a file of numba's that is cut short or not its own may end in; it says nothing more definite."""


def _search(high: Any, low: Any, bounds: Any, places: Any) -> None:
    """Put into `places` how many of the sorted keys, given as two words each, are below each of `bounds`."""
    for index in range(bounds.shape[0]):
        bound_high = bounds[index, 0]
        bound_low = bounds[index, 1]
        start = 0
        stop = high.shape[0]
        while stop - start > _BLOCK:
            middle = (start + stop) >> 1
            if high[middle] < bound_high or (high[middle] == bound_high and low[middle] < bound_low):
                start = middle + 1
            else:
                stop = middle
        below = 0
        for place in range(start, stop):  # `|` and `&`, because a branch here would keep LLVM from vectorising
            below += (high[place] < bound_high) | ((high[place] == bound_high) & (low[place] < bound_low))
        places[index] = start + below


def compiled(cache_dir: Path | None) -> _Search:
    """The search as machine code: from `cache_dir` (None: where numba keeps such things) or compiled and put there.

    When it cannot be kept, or what was kept is damaged, it is compiled for this process alone.
    """
    config: Any = numba.config
    default = config.CACHE_DIR
    try:
        # Where the code of a function lies is settled when it is declared, and numba asks this setting then.
        config.CACHE_DIR = str(cache_dir) if cache_dir is not None else default
        return _declared(cache=True)
    except _DAMAGES:
        return _declared(cache=False)
    finally:
        config.CACHE_DIR = default


def _declared(*, cache: bool) -> _Search:
    search: _Search = numba.njit(_SIGNATURE, cache=cache)(_search)
    return search


def finder_with(search: _Search) -> Callable[[bytes], Callable[[Sequence[bytes]], list[int]]]:
    """`kernels_numpy.finder`, with a compiled search."""

    def finder(keys: bytes) -> Callable[[Sequence[bytes]], list[int]]:
        table = _words(keys)
        high, low = np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])

        def find(bounds: Sequence[bytes]) -> list[int]:
            places = np.empty(len(bounds), np.int64)
            search(high, low, _words(b"".join(bounds)), places)
            return places.tolist()

        return find

    return finder


def _words(keys: bytes) -> _Words:
    """Two words a key, the more significant first, in the order of bytes that the processor computes with."""
    return np.frombuffer(keys, _BIG_ENDIAN).astype(np.uint64).reshape(-1, 2)
