"""Remembering what was read of a file by its number."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Memo(dict[int, T]):
    """What `read` makes of a number, read once. A hit costs no call."""

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[int], T]) -> None:
        self._read = read

    def __missing__(self, number: int) -> T:
        value = self[number] = self._read(number)
        return value
