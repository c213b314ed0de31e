"""`dxpy self`: what dxpy tells of itself."""

from __future__ import annotations

import argparse

from dxpy_async._version import __version__
from dxpy_async.cli.output import Output


def run(arguments: argparse.Namespace, output: Output) -> int:
    output.data(__version__ if arguments.short else f"dxpy {__version__}")
    return 0
