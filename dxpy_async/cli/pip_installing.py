"""`dxpy pip install` when something has to be waited for, with the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.pip_requests import PipRequest, named_requirements
from dxpy_async.core.dataclass import replace
from dxpy_async.core.settings import Settings
from dxpy_async.engine.events import Listener
from dxpy_async.engine.install_options import InstallOptions, InstallOutcome
from dxpy_async.python.environments import VirtualEnvironment

if TYPE_CHECKING:
    from dxpy_async.engine.engine import Engine


def install(
    request: PipRequest,
    environment: VirtualEnvironment,
    settings: Settings,
    options: InstallOptions,
    on_event: Listener,
) -> InstallOutcome:
    """Install what is asked for, as `options` say; which hashes that may have is in `request`."""

    async def work(engine: Engine) -> InstallOutcome:
        requirements, hashes = await named_requirements(engine, request, environment.interpreter, on_event)
        how = replace(options, hashes=hashes)
        return await engine.install_with(requirements, environment=environment, options=how, on_event=on_event)

    return run_engine(settings, work)
