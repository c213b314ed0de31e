"""Doing parts of a piece of work in forked processes, where a process without threads or a loop has nothing to lose.

A forked child has everything its parent has without anything being sent or loaded, which threads have too; but it has
an interpreter lock of its own. What it sends back is a value of plain types, or the error that ended it.
"""

from __future__ import annotations

import marshal
import os
import sys

from dxpy_async import errors
from dxpy_async.errors import DxpyError, InstallError

TYPE_CHECKING = False
if TYPE_CHECKING:  # a sync that only links is done in a few times what importing this takes
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    PlainT = TypeVar("PlainT")

_KILL = 9


def can_fork() -> bool:
    """Whether this process may be forked: the system can, and no other thread would be lost in the child."""
    threading = sys.modules.get("threading")
    return hasattr(os, "fork") and (threading is None or threading.active_count() == 1)


def in_children(parts: Sequence[Callable[[], PlainT]]) -> list[PlainT]:
    """Do each part, the first here and the others in a child each; gives their results in order.

    Results are of types that `marshal` knows. The first error, in the order of parts, is raised as it was raised there
    when it is a DxpyError or an OSError; the children are then killed, wherever they are, and have ended on return.
    """
    children: list[_Child] = []
    try:
        for part in parts[1:]:
            children.append(_Child(part))  # noqa: PERF401
        return [parts[0](), *(child.result() for child in children)]
    finally:
        for child in children:
            child.end()


class _Child:
    """One child process at work."""

    def __init__(self, part: Callable[[], object]) -> None:
        self._reading, writing = os.pipe()
        self._process = os.fork()
        if not self._process:
            _be_child(part, writing)
        os.close(writing)

    def result(self) -> Any:
        """Wait for the child and give its result. Raises what ended it."""
        with open(self._reading, "rb", closefd=False) as pipe:
            answer = pipe.read()
        if not answer:
            raise InstallError("a process that was linking files ended before its work was done")
        succeeded, value = marshal.loads(answer)
        if succeeded:
            return value
        raise _rebuild(*value)

    def end(self) -> None:
        """Make sure that the child is gone."""
        os.close(self._reading)
        os.kill(self._process, _KILL)  # also when it has ended: it is nobody else's number before it is waited for
        os.waitpid(self._process, 0)


def _be_child(part: Callable[[], object], writing: int) -> None:
    """All that a child ever does. It never returns, so that nothing of its parent's is done or flushed twice."""
    status = 1
    try:
        try:
            answer: Any = (True, part())
        except DxpyError as error:
            answer = (False, (type(error).__name__, error.args, error.__dict__))
        except OSError as error:
            answer = (False, ("OSError", (error.errno, error.strerror, error.filename), {}))
        with open(writing, "wb") as pipe:
            pipe.write(marshal.dumps(answer))
        status = 0
    except BrokenPipeError:
        pass  # the parent does not want the answer any more
    except Exception:
        sys.excepthook(*sys.exc_info())  # a bug: show where, before the parent says that there was no answer
    finally:
        os._exit(status)


def _rebuild(name: str, arguments: tuple[object, ...], attributes: dict[str, object]) -> Exception:
    """The error that was raised in a child: constructors of errors take other arguments than those they keep."""
    kind = OSError if name == "OSError" else getattr(errors, name)
    error: Exception = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(attributes)
    return error
