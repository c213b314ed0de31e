"""`dxpy pip hash`: the hashes of files, as files of requirements have them.

Source: https://pip.pypa.io/en/stable/cli/pip_hash/
"""

from __future__ import annotations

import argparse
import hashlib

from dxpy_async.cli.output import Output
from dxpy_async.errors import UsageError


def run(arguments: argparse.Namespace, output: Output) -> int:
    algorithm = arguments.algorithm
    for path in arguments.files:
        try:
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, algorithm).hexdigest()
        except OSError as error:
            raise UsageError(f"`{path}` cannot be read: {error.strerror}") from error
        output.data(f"{path}:\n--hash={algorithm}:{digest}")
    return 0
