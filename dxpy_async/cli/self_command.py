"""`dxpy self`: what dxpy tells of itself."""

from __future__ import annotations

import argparse

from dxpy_async._version import __version__
from dxpy_async.cli.output import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import VersionDocument


def run(arguments: argparse.Namespace, output: Output) -> int:
    output.data(__version__ if arguments.short else f"dxpy {__version__}")
    document: VersionDocument = {
        "schema": "dxpy/version/1",
        "package_name": "dxpy",
        "version": __version__,
        "previous_version": None,
    }
    output.document(document)
    return 0
