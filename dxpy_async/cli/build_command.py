"""`dxpy build`: distributions for others, as files."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from dxpy_async.cli.context import listener, project_root, settings_of
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.output import Output
from dxpy_async.core.names import normalize
from dxpy_async.engine.distributing import BuildOptions, BuiltDistribution, plan_distributions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import BuildDocument


def run(arguments: argparse.Namespace, output: Output) -> int:
    options = BuildOptions(
        sdist=arguments.sdist,
        wheel=arguments.wheel,
        out_dir=Path(arguments.out_dir) if arguments.out_dir else None,
        packages=tuple(map(normalize, arguments.package)),
        all_packages=arguments.all_packages,
        clear=arguments.clear,
        gitignore=not arguments.no_create_gitignore,
        dry_run=arguments.list_files,
    )
    plan = plan_distributions(_source(arguments), options)
    if plan.around is not None:
        output.warn_all(plan.around.warnings)
    with settings_of(arguments, plan.around) as settings, listener(arguments, output) as on_event:
        built = run_engine(
            settings, lambda engine: engine.build_distributions(plan, options=options, on_event=on_event)
        )
    for each in built:
        if options.dry_run:
            output.data("\n".join([each.path.name, *(f"  {file}" for file in each.files)]))
        else:
            output.say(f"Successfully built {_shown(each.path)}")
    output.document(_document(built, options))
    return 0


def _source(arguments: argparse.Namespace) -> Path:
    """What was named, else the project around, which may be one without a pyproject.toml."""
    if arguments.source:
        return Path(os.path.abspath(arguments.source))
    here = Path(os.path.abspath(arguments.project or "."))
    return here if (here / "setup.py").is_file() else project_root(arguments)


def _document(built: Iterable[BuiltDistribution], options: BuildOptions) -> BuildDocument:
    return {
        "schema": "dxpy/build/1",
        "dry_run": options.dry_run,
        "files": [
            {
                "path": str(each.path),
                "name": each.project,
                "version": str(each.version),
                "kind": "wheel" if each.is_wheel else "sdist",
                "size": each.size,
                "sha256": each.sha256,
                "files": list(each.files),
            }
            for each in built
        ],
    }


def _shown(path: Path) -> str:
    """`path` as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
