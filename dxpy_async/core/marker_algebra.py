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


def with_extra(marker: str, extra: str) -> str | None:
    """The marker, which asks about no extra, that holds where `marker` does when `extra` is wanted; None for nowhere.

    `extra` is normalised; empty for none.
    """
    if "extra" not in marker:
        return marker
    held = _held(parsers.markers.Marker(marker)._markers, extra)
    if isinstance(held, bool):
        return "" if held else None
    return _normal(held)


def _held(node: Any, extra: str) -> str | bool:
    """What is left of a parsed marker once it is known which extra is wanted: a text, or whether it holds."""
    if isinstance(node, tuple):
        left, operator, right = (part.serialize() for part in node)
        if "extra" not in (left, right):
            return f"{left} {operator} {right}"
        named = (right if left == "extra" else left).strip("\"'")
        is_it = named.replace("_", "-").replace(".", "-").lower() == extra
        return is_it if operator == "==" else not is_it
    alternatives = [_all_held([_held(each[0], extra) for each in _split(part, "and")]) for part in _split(node, "or")]
    if True in alternatives:
        return True
    texts = [f"({each})" for each in alternatives if isinstance(each, str)]
    return " or ".join(texts) if texts else False


def _all_held(parts: Sequence[str | bool]) -> str | bool:
    if False in parts:
        return False
    texts = [f"({each})" for each in parts if isinstance(each, str)]
    return " and ".join(texts) if texts else True
