"""`dxpy pip index versions`: the versions of a project that indexes have, in pip's forms.

Source: https://pip.pypa.io/en/stable/cli/pip_index/
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from packaging.version import Version

from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.output import Output
from dxpy_async.cli.pip_command import environment_request, pip_settings
from dxpy_async.core.names import ProjectName, is_valid_name, normalize
from dxpy_async.engine.environment_manager import EnvironmentManager
from dxpy_async.errors import UsageError
from dxpy_async.installer.installed import read_installed

if TYPE_CHECKING:
    from dxpy_async.engine.engine import Engine


def run(arguments: argparse.Namespace, output: Output) -> int:
    if not is_valid_name(arguments.project):
        raise UsageError(f"`{arguments.project}` is not the name of a project")
    name = normalize(arguments.project)
    with pip_settings(arguments) as settings:
        environments = EnvironmentManager(settings)

        async def work(engine: Engine) -> tuple[tuple[Version, ...], str | None]:
            environment = await environments.choose(environment_request(arguments))
            target = None if arguments.ignore_requires_python else environment.interpreter.target
            versions = await engine.versions(name, target=target, prereleases=arguments.pre)
            there = read_installed(environment.scheme).get(name)
            return versions, there.version if there is not None and there.problem is None else None

        versions, installed = run_engine(settings, work)
    if not versions:
        output.error(f"no version of `{name}` fits", ("with `--pre` pre-releases count, too",))
        return 1
    output.data(_as_json(name, versions, installed) if arguments.json else _as_text(name, versions, installed))
    return 0


def _as_text(name: ProjectName, versions: tuple[Version, ...], installed: str | None) -> str:
    latest = versions[0]
    lines = [f"{name} ({latest})", f"Available versions: {', '.join(map(str, versions))}"]
    if installed is not None:
        newest = "(latest)" if installed == str(latest) else ""
        lines += [f"  INSTALLED: {installed} {newest}".rstrip(), *([] if newest else [f"  LATEST:    {latest}"])]
    return "\n".join(lines)


def _as_json(name: ProjectName, versions: tuple[Version, ...], installed: str | None) -> str:
    document = {"name": name, "versions": list(map(str, versions)), "latest": str(versions[0])}
    return json.dumps(document if installed is None else {**document, "installed_version": installed})
