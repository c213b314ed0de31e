"""`dxpy pip install` when all that it takes is in the cache: without an event loop."""

from __future__ import annotations

from dxpy_async.cli.locking import expect_no_garbage
from dxpy_async.cli.pip_requests import PipRequest, promised_hashes
from dxpy_async.core.dataclass import replace
from dxpy_async.core.settings import Settings
from dxpy_async.engine.cached_installing import install_from_cache
from dxpy_async.engine.events import Listener
from dxpy_async.engine.install_options import InstallOptions, InstallOutcome
from dxpy_async.python.environments import VirtualEnvironment


def install(
    request: PipRequest,
    environment: VirtualEnvironment,
    settings: Settings,
    options: InstallOptions,
    on_event: Listener,
) -> InstallOutcome | None:
    """Install what is asked for, as `options` say; None where something has to be waited for."""
    if any(entry.location or entry.requirement.url for entry in request.entries):
        return None  # what is there now, somebody has to look
    expect_no_garbage()
    requirements = tuple(entry.requirement for entry in request.entries)
    how = replace(options, hashes=promised_hashes(request, requirements))
    return install_from_cache(requirements, environment, settings, how, on_event=on_event)
