"""`dxpy convert`: a TOML document to its binary form, pyproject.dx, and back.

The binary form can always be made again from the text, the text with its comments never from the binary form. So a
pyproject.dx is replaced without asking, and text that says something else only with `--force`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from dxpy_async.cli.output import Output
from dxpy_async.errors import InvalidDocument, InvalidProject, UsageError
from dxpy_async.formats import dpx_layout as layout
from dxpy_async.formats.pyproject_dx import DxDocument, build_dx
from dxpy_async.formats.toml_writer import write_toml
from dxpy_async.project.document import decode, parse, read_content
from dxpy_async.project.replacing import replace_file

_BINARY, _TEXT = ".dx", ".toml"
_STDOUT = "-"


def run(arguments: argparse.Namespace, output: Output) -> int:
    source = Path(arguments.file)
    if _is_binary(source):
        return _to_text(source, arguments.output, arguments.force, output)
    return _to_binary(source, arguments.output, arguments.force, output)


def _is_binary(source: Path) -> bool:
    """Which way to go: by the first bytes, whatever the file is called; else by its name."""
    return _first_bytes(source) == layout.MAGIC or source.suffix == _BINARY


def _first_bytes(path: Path) -> bytes:
    if not path.is_file():
        reason = "is not a file" if path.exists() else "is not there"
        raise UsageError(f"`{path}` {reason}", hints=("name a pyproject.toml or a pyproject.dx",))
    with open(path, "rb") as file:
        return file.read(len(layout.MAGIC))


def _target(source: Path, given: str | None, ending: str) -> Path:
    """Where the result goes. Raises UsageError when that is where it comes from."""
    target = Path(given) if given else source.with_suffix(ending)
    if target.exists() and os.path.samefile(source, target):
        raise UsageError(
            f"`{source}` would be replaced by what is made from it", hints=("name another with `-o FILE`",)
        )
    if target.exists() and not target.is_file():
        raise UsageError(f"`{target}` is in the way: it is not a file", hints=("name another with `-o FILE`",))
    if not target.parent.is_dir():
        raise UsageError(f"there is no directory `{target.parent}` for `{target.name}`")
    return target


def _to_binary(source: Path, given: str | None, force: bool, output: Output) -> int:
    if given == _STDOUT:
        raise UsageError("a pyproject.dx is binary and is not printed", hints=("name a file with `-o FILE`",))
    target = _target(source, given, _BINARY)
    content = read_content(source)
    data = build_dx(parse(decode(content, str(source)), str(source)), content, file=str(source))
    if target.exists() and not force and _first_bytes(target) != layout.MAGIC:
        raise UsageError(
            f"`{target}` is there and is no pyproject.dx, it is left as it is",
            hints=("name another file with `-o FILE`, or replace it with `--force`",),
        )
    _write(target, data, source, output)
    return 0


def _to_text(source: Path, given: str | None, force: bool, output: Output) -> int:
    target = None if given == _STDOUT else _target(source, given, _TEXT)
    with DxDocument.open(source) as document:
        text = write_toml(document.to_dict())
        if target is None:
            sys.stdout.buffer.write(text.encode())  # TOML is UTF-8, whatever the terminal is
            sys.stdout.flush()
            return 0
        if target.exists() and not force and _says_the_same(target, document):
            output.say(f"`{target}` says the same as `{source}`, it is left as it is")
            return 0
    if target.exists() and not force:
        raise UsageError(
            f"`{target}` is there and says something else than `{source}`, it is left as it is",
            hints=("name another file with `-o FILE`, or replace it, comments and all, with `--force`",),
        )
    _write(target, text.encode(), source, output)
    return 0


def _says_the_same(target: Path, document: DxDocument) -> bool:
    """Whether a text has the values of `document`, however it is laid out and commented."""
    try:
        content = read_content(target)
        if document.is_of(content):
            return True
        return build_dx(parse(decode(content, str(target)), str(target)), b"") == build_dx(document.to_dict(), b"")
    except (InvalidProject, InvalidDocument):
        return False


def _write(target: Path, data: bytes, source: Path, output: Output) -> None:
    written = replace_file(target, data)
    output.say(f"Wrote `{target}` from `{source}`" if written else f"`{target}` is up to date with `{source}`")
