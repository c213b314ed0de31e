"""Running the engine to its end from the command line, and what goes on while it is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from dxpy_async.cli import load
from dxpy_async.core.settings import Settings
from dxpy_async.index.page_worker import PageWorker
from dxpy_async.index.tls import read_system_early
from dxpy_async.installer.forking import can_fork
from dxpy_async.store.forked_workers import fork_workers
from dxpy_async.store.worker_protocol import UNPACK_WORKERS

if TYPE_CHECKING:
    from dxpy_async.engine.engine import Engine

T = TypeVar("T")


def run_engine(
    settings: Settings,
    use: Callable[[Engine], Coroutine[Any, Any, T]],
    *,
    unpacks: bool = False,
    asks_pages: bool = True,
) -> T:
    """Run `use` with an engine, to its end. Ctrl-C and SIGTERM cancel it, and it cleans up before they take effect.

    Processes that unpack are forked if it `unpacks`, one that takes pages of indexes apart if it `asks_pages`; else the
    engine does without, or starts them.
    """
    with ExitStack() as stack:  # before there are threads, and as long as there is little to copy
        forked = fork_workers(UNPACK_WORKERS) if unpacks and can_fork() and sys.platform != "darwin" else []
        for worker in forked:
            stack.callback(worker.end)
        page_worker = PageWorker.fork() if asks_pages else None
        if page_worker is not None:
            stack.enter_context(page_worker)
        tls = settings.network.tls
        if settings.indexes.index_url.startswith("https:") and not (tls.authorities or tls.authority_directories):
            read_system_early()
        with _nobody_trusted():
            loop = load("engine_loop")
        result: T = loop.run(settings, page_worker, forked, use)
        return result


@contextmanager
def _nobody_trusted() -> Iterator[None]:
    """Let OpenSSL find no certificates. aiohttp reads the system's twice while it is imported, 64 ms for nothing."""
    variable = "SSL_CERT_FILE"
    before = os.environ.get(variable)
    os.environ[variable] = os.devnull
    try:
        yield
    finally:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before
