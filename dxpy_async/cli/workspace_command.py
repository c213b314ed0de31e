"""`dxpy workspace`: which members there are, and where."""

from __future__ import annotations

import argparse
import json

from dxpy_async.cli.context import project_of
from dxpy_async.cli.output import Output
from dxpy_async.core.names import normalize
from dxpy_async.engine.sync_options import SyncOptions
from dxpy_async.engine.workspace_manager import members_of


def run(arguments: argparse.Namespace, output: Output) -> int:
    workspace = project_of(arguments)
    output.warn_all(workspace.warnings)
    if arguments.action == "dir":
        named = SyncOptions(packages=(normalize(arguments.package),)).meant(workspace) if arguments.package else ()
        output.data(str(named[0].root if named else workspace.root))
        return 0
    members = members_of(workspace)
    if arguments.output_format == "json":
        listed = [
            {
                "name": member.name,
                "version": member.version,
                "path": str(member.directory),
                "requires": list(member.requires),
            }
            for member in members
        ]
        output.data(json.dumps({"root": str(workspace.root), "members": listed}, indent=2))
    else:
        output.data("\n".join(str(member.directory) if arguments.paths else member.name for member in members))
    return 0
