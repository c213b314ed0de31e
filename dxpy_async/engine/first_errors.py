"""Of all that fails in a task group, the one error that a caller should hear of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dxpy_async.errors import DxpyError


@contextmanager
def first_of_group() -> Iterator[None]:
    """What fails in task groups comes out as the first error itself."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise _first(group) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error that says something, not the cancellations it caused."""
    leaves: list[BaseException] = []
    pending: list[BaseException] = [group]
    while pending:
        error = pending.pop(0)
        if isinstance(error, BaseExceptionGroup):
            pending = [*error.exceptions, *pending]
        else:
            leaves.append(error)
    return next((error for error in leaves if isinstance(error, DxpyError)), leaves[0])
