"""Wheels that a solver has picked for now, or will, fetched while it goes on: network and workers are busy early.

What it decides first, or is foreseen to, is nearly always what it ends with. Nothing hangs on that: fetching ahead has
no influence on the answer, a failure of it is met again by whoever wants the wheel, and what turns out not to be wanted
is given up, or stays in the store like any wheel. Its bytes on the way are bounded, so that pages and metadata come
through.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Self

from dxpy_async.core.releases import DistributionFile
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.selection import Selection
from dxpy_async.engine.events import Event, Installing, Listener, Prepared, Preparing, Stored
from dxpy_async.engine.fetching import ByteBudget, Fetcher
from dxpy_async.engine.locking import locked_file
from dxpy_async.errors import DxpyError
from dxpy_async.resolver.solver import Solver
from dxpy_async.store.store import Store

LARGEST_AHEAD = 64 * 1024**2
"""No larger wheel is fetched ahead, in bytes: that would be much for nothing if another is picked in the end."""

BYTES_AHEAD = 32 * 1024**2
"""So many bytes of wheels are on their way ahead at once, at the most."""

_LOOK_SECONDS = 0.05
"""How often it is looked at what the solver will probably come to."""


class FetchingAhead:
    """Fetches what `solver` has picked for `roots`. Use it with `async with`: whatever still runs at the end is ended.

    What runs when the answer is known goes on, and whoever fetches the same wheel then joins in.
    """

    def __init__(self, fetcher: Fetcher, store: Store, roots: Sequence[Requirement]) -> None:
        self._fetcher, self._store, self._roots = fetcher, store, roots
        self._budget = ByteBudget(BYTES_AHEAD)
        self._group = asyncio.TaskGroup()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._heard: dict[str, list[Event]] = {}
        """What was told of each wheel whose download has begun, until somebody listens."""
        self._listener: Listener | None = None
        self._fetched: set[str] = set()
        self._looked_at = 0.0
        self._next_look: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop_looking()
        for task in self._tasks.values():
            task.cancel()
        await self._group.__aexit__(None, None, None)

    def look(self, solver: Solver) -> None:
        """Begin to fetch what `solver` has picked or will pick; soon, if that was done just now."""
        if self._next_look is None:
            wait = self._looked_at + _LOOK_SECONDS - time.monotonic()
            self._next_look = asyncio.get_running_loop().call_later(max(wait, 0), self._look, solver)

    def _look(self, solver: Solver) -> None:
        self._next_look, self._looked_at = None, time.monotonic()
        self._begin(solver.picked(self._roots))

    def settle(self, selection: Selection, on_event: Listener) -> Listener:
        """Give up what is not in `selection`, or has not begun. `on_event`, with what was fetched ahead counted in.

        It is told of that, too, once wheels are prepared: what has come so far at once, what is on its way as it comes.
        """
        self._stop_looking()
        items = {item.sha256: item for item in selection.packages}
        for sha256, task in self._tasks.items():
            if sha256 not in items or sha256 not in self._heard:
                task.cancel()
        before = [item for sha256, item in items.items() if sha256 in self._fetched]
        stored: set[str] = set()
        is_told = False

        def tell(event: Event) -> None:
            nonlocal is_told
            if not is_told and isinstance(event, Preparing | Installing | Prepared):
                is_told = True
                missing = event if isinstance(event, Preparing) else Preparing(0, 0)
                if before or missing.files:
                    size = missing.size + sum(item.size or 0 for item in before)
                    on_event(Preparing(missing.files + len(before), size))
                self._listener = on_event
                for heard in [event for sha256, events in self._heard.items() if sha256 in items for event in events]:
                    on_event(heard)
                for item in [item for sha256, item in items.items() if sha256 in self._fetched]:
                    tell(Stored(item.package.name, item.package.version))
                if event is missing:
                    return
            if isinstance(event, Stored):
                if event.name in stored:
                    return  # it came between planning and telling
                stored.add(event.name)
            elif isinstance(event, Prepared):
                event = Prepared(len(stored), event.seconds)
                stored.clear()
            on_event(event)

        return tell

    def _hear(self, sha256: str, event: Event) -> None:
        """Take in what is told of a download; it is passed on once somebody listens."""
        if self._listener is not None:
            self._listener(event)
        else:
            self._heard[sha256].append(event)

    def _stop_looking(self) -> None:
        if self._next_look is not None:
            self._next_look.cancel()

    def _begin(self, files: Iterable[DistributionFile]) -> None:
        for file in files:
            sha256 = file.hashes.get("sha256")
            if sha256 is None or sha256 in self._tasks or file.size is None or file.size > LARGEST_AHEAD:
                continue
            if file.is_wheel and not self._store.has(sha256):
                self._tasks[sha256] = self._group.create_task(self._fetch(file, file.size, sha256))

    async def _fetch(self, file: DistributionFile, size: int, sha256: str) -> None:
        async with self._budget.hold(size):
            self._heard[sha256] = []
            with suppress(DxpyError):  # whoever wants this wheel in the end fetches it again, and tells
                await self._fetcher.fetch(locked_file(file), on_event=partial(self._hear, sha256))
                self._fetched.add(sha256)
