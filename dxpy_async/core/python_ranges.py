"""What two projects that require Pythons leave for both."""

from __future__ import annotations

from packaging.version import Version

from dxpy_async.core.specifiers import clauses_of, normal_specifier
from dxpy_async.core.version_ranges import key_ranges


def common_range(one: str, other: str) -> str | None:
    """The range of Pythons that lie in both, written as shortly as that is simple; None when there are none.

    Ranges that keys cannot tell, like `===3.12.1`, are taken to have something in common.
    """
    if not one or not other or one == other:
        return one or other
    together = normal_specifier(f"{one},{other}")
    if key_ranges(together) == ():
        return None
    return _without_needless(together)


def _without_needless(specifier: str) -> str:
    """`specifier` with the highest of its lower bounds, and the lowest of its upper ones, of each kind."""
    kept = list(clauses_of(specifier))
    for operator, better in ((">=", max), ("<", min)):
        bounds = [clause for clause in kept if clause.operator == operator]
        if len(bounds) > 1:
            best = better(bounds, key=lambda clause: Version(clause.version))
            kept = [clause for clause in kept if clause.operator != operator or clause is best]
    return normal_specifier(",".join(map(str, kept)))
