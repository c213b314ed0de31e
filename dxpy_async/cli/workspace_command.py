"""`dxpy workspace`: which members there are, and where."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from dxpy_async.cli.context import project_of
from dxpy_async.cli.output import Output
from dxpy_async.core.names import normalize
from dxpy_async.engine.sync_options import SyncOptions
from dxpy_async.engine.workspace_manager import WorkspaceMember, members_of
from dxpy_async.project.pyproject import Project

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import WorkspaceListDocument


def run(arguments: argparse.Namespace, output: Output) -> int:
    workspace = project_of(arguments)
    output.warn_all(workspace.warnings)
    if arguments.action == "dir":
        named = SyncOptions(packages=(normalize(arguments.package),)).meant(workspace) if arguments.package else ()
        output.path(str(named[0].root if named else workspace.root))
        return 0
    members = members_of(workspace)
    output.data("\n".join(str(member.directory) if arguments.paths else member.name for member in members))
    output.document(_document(workspace, members))
    return 0


def _document(workspace: Project, members: Iterable[WorkspaceMember]) -> WorkspaceListDocument:
    return {
        "schema": "dxpy/workspace-list/1",
        "root": str(workspace.root),
        "members": [
            {
                "name": member.name,
                "version": member.version,
                "path": str(member.directory),
                "requires": list(member.requires),
            }
            for member in members
        ],
    }
