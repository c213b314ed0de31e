"""Markers put together: both of two, and none of some. All texts are markers; the empty one holds always."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dxpy_async.core import parsers

_OPPOSITES = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "in": "not in", "not in": "in"}


def both(one: str, other: str) -> str:
    """The marker that holds where `one` and `other` do."""
    if not one or not other or one == other:
        return one or other
    return _normal(f"({one}) and ({other})")


def none_of(markers: Iterable[str]) -> str | None:
    """The marker that holds where none of `markers` does; None when that is surely nowhere.

    Raises ValueError for a comparison that has no opposite.
    """
    texts = tuple(dict.fromkeys(markers))
    if "" in texts:
        return None
    parts = [_negated(parsers.markers.Marker(text)._markers) for text in texts]
    together = _normal(" and ".join(f"({part})" for part in parts))
    return None if _contradicts_itself(together) else together


def _normal(text: str) -> str:
    return str(parsers.markers.Marker(text))


def _negated(node: Any) -> str:
    """The opposite of a parsed marker: a comparison, or a list of those with `and`, which binds closer, and `or`."""
    if isinstance(node, tuple):
        left, operator, right = (part.serialize() for part in node)
        return _opposite(left, operator, right)
    alternatives = _split(node, "or")
    return " and ".join(f"({_negated_conjunction(_split(each, 'and'))})" for each in alternatives)


def _negated_conjunction(parts: Sequence[Sequence[Any]]) -> str:
    return " or ".join(f"({_negated(each[0])})" for each in parts)


def _split(nodes: Sequence[Any], word: str) -> list[list[Any]]:
    found: list[list[Any]] = [[]]
    for node in nodes:
        if node == word:
            found.append([])
        else:
            found[-1].append(node)
    return found


def _opposite(left: str, operator: str, right: str) -> str:
    if operator == "~=":  # >= X.Y and == X.*
        if "." not in right:
            raise ValueError(f"`{left} {operator} {right}` has no opposite")
        series = right.rstrip("\"'").rpartition(".")[0]
        return f"{left} < {right} or {left} != {series}.*{right[0]}"
    if operator == "===":
        operator = "=="
    return f"{left} {_OPPOSITES[operator]} {right}"


def _contradicts_itself(marker: str) -> bool:
    """Whether plain comparisons joined by `and` alone demand and forbid the same value; others are not looked into."""
    if " or " in marker or "(" in marker:
        return False
    parts = set(marker.split(" and "))
    return any(" == " in part and part.replace(" == ", " != ") in parts for part in parts)
