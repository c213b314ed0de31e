"""`dxpy pip download` and `wheel`: the archives that an installation would take, collected in a directory.

Source: https://pip.pypa.io/en/stable/cli/pip_download/ and https://pip.pypa.io/en/stable/cli/pip_wheel/
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from dxpy_async.cli.context import listener
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.output import Output
from dxpy_async.cli.pip_command import chosen_environment
from dxpy_async.cli.pip_requests import named_requirements, read_now, require_wheels, settings_for, target_of
from dxpy_async.engine.collecting import Collected
from dxpy_async.engine.install_options import InstallOptions
from dxpy_async.errors import InstallError

if TYPE_CHECKING:
    from dxpy_async.engine.engine import Engine


def run(arguments: argparse.Namespace, output: Output) -> int:
    if not (arguments.packages or arguments.editable or arguments.requirement):
        raise InstallError(
            f"there is nothing to {arguments.action}", hints=("name requirements, or files of them with `-r FILE`",)
        )
    as_wheels = arguments.action == "wheel"
    if not as_wheels:
        require_wheels(arguments)
    request = read_now(arguments)
    into = Path(arguments.into)
    with settings_for(arguments, request) as settings, listener(arguments, output) as on_event:
        environment = chosen_environment(arguments, settings, output)

        async def work(engine: Engine) -> tuple[Collected, ...]:
            requirements, hashes = await named_requirements(engine, request, environment.interpreter, on_event)
            options = InstallOptions(
                dependencies=not arguments.no_deps,
                hashes=hashes,
                requires_hashes=request.requires_hashes,
                target=None if as_wheels else target_of(arguments, environment.interpreter),
            )
            return await engine.download(
                requirements, into, environment=environment, options=options, as_wheels=as_wheels, on_event=on_event
            )

        collected = run_engine(settings, work)
    _say(collected, into, arguments, output)
    return 0


def _say(collected: tuple[Collected, ...], into: Path, arguments: argparse.Namespace, output: Output) -> None:
    """In pip's words, which scripts look for."""
    if output.verbosity < 0:
        return
    for each in collected:
        said = "Saved" if each.is_new else "File was already downloaded"
        output.data(f"{said} {each.path if os.path.isabs(into) else f'.{os.sep}{into / each.path.name}'}")
    names = " ".join(dict.fromkeys(each.path.name.split("-")[0].replace("_", "-").lower() for each in collected))
    if names:
        output.data(f"Successfully {'built' if arguments.action == 'wheel' else 'downloaded'} {names}")
