"""`dxpy version`: what it is, and what it would be; writing it is the business of the rungs of `dxpy add`."""

from __future__ import annotations

import argparse

from dxpy_async.cli.context import member_root, passed_over
from dxpy_async.cli.editing import new_version, report_version
from dxpy_async.cli.output import Output
from dxpy_async.engine.drafts import require_static_version
from dxpy_async.errors import UsageError
from dxpy_async.project.workspaces import open_project


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    if arguments.value is not None and arguments.bump:
        raise UsageError("VALUE says which version, and `--bump` says it too", hints=("give one of them",))
    project = open_project(member_root(arguments), passed_over=passed_over(arguments)).meant
    if arguments.value is None and not arguments.bump:
        report_version(project, str(require_static_version(project)), None, arguments, output)
        return 0
    after = new_version(arguments, project)
    if not arguments.dry_run:
        return None
    report_version(project, str(after), str(require_static_version(project)), arguments, output)
    return 0
