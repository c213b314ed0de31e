"""`dxpy completions SHELL`: the script by which a shell asks dxpy what a word may become."""

from __future__ import annotations

import argparse

from argcomplete.shell_integration import shellcode

from dxpy_async.cli.output import Output

COMPLETED = ("dxpy", "dxpyx")


def run(arguments: argparse.Namespace, output: Output) -> int:
    output.data(shellcode(COMPLETED, use_defaults=False, shell=arguments.shell))
    return 0
