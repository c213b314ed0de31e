"""Events for `async for`, apart from the events themselves: those are also told where there is no event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from dxpy_async.engine.events import Event, Finished


class EventStream:
    """The events of one operation as an async iterator that ends when the operation does.

    stream = EventStream()
    task = asyncio.create_task(engine.sync(project, on_event=stream))
    async for event in stream:
        ...
    result = await task
    """

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event] = asyncio.Queue()

    def __call__(self, event: Event) -> None:
        self._queue.put_nowait(event)

    async def __aiter__(self) -> AsyncIterator[Event]:
        while not isinstance(event := await self._queue.get(), Finished):
            yield event
