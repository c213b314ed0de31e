"""Actions of pip that dxpy has under another name, or not at all: each says where to go instead."""

from __future__ import annotations

import argparse

from dxpy_async.cli.output import Output
from dxpy_async.errors import UsageError

_INSTEAD = {
    "config": (
        "`dxpy config list`, `get` and `set` are for settings of dxpy",
        "pip's own files and variables are read as they are; edit them, or ask pip",
    ),
    "completion": ("`dxpy completions bash|zsh|fish|powershell` completes `dxpy pip`, too",),
    "search": (
        "PyPI has no search for programs any more: look on its page",
        "`dxpy pip index versions NAME` knows one",
    ),
    "debug": ("`dxpy python list` tells of interpreters", "`dxpy --version` tells of dxpy"),
}


def run(arguments: argparse.Namespace, output: Output) -> int:
    raise UsageError(f"`dxpy pip` has no `{arguments.action}`", hints=_INSTEAD[arguments.action])
