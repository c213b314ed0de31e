"""The document in a pyproject.toml: parsed, or taken from the pyproject.dx that was made when it was parsed last.

The environment keeps that pyproject.dx. It stands for the text exactly while it has the BLAKE3 of the text's bytes,
which are read every time anyway: no file time, size or name is trusted, so a stale one cannot answer. The text itself
stays what mistakes are looked up in, and every message is the same with and without it.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from dxpy_async.core.places import DOCUMENT_NAME, ENVIRONMENT_NAME
from dxpy_async.errors import InvalidDocument, InvalidProject
from dxpy_async.formats.pyproject_dx import DxDocument, build_dx

FILE_BYTES = 16 * 1024**2
"""The longest project file that is read."""


def read_content(file: Path) -> bytes:
    """The bytes of a project file, one more than are allowed at most. Raises FileNotFoundError and InvalidProject."""
    try:
        with open(file, "rb") as opened:
            return opened.read(FILE_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InvalidProject(str(file), f"it cannot be read: {error.strerror}") from error


def decode(content: bytes, file: str) -> str:
    """The text of a project file. Raises InvalidProject."""
    if len(content) > FILE_BYTES:
        raise InvalidProject(file, f"it has more than {FILE_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        reason = f"it is not UTF-8: byte 0x{content[error.start]:02x} at offset {error.start}"
        raise InvalidProject(file, reason, line=line) from error


def parse(text: str, file: str) -> dict[str, Any]:
    """The document that a project file's text says. Raises InvalidProject, with the line."""
    import tomllib  # noqa: PLC0415 (5 ms, for nothing while there is a fresh pyproject.dx)

    try:
        return tomllib.loads(text)
    except RecursionError:
        raise InvalidProject(file, "its values are nested too deeply") from None
    except ValueError as error:  # TOMLDecodeError is one, and so is a number with too many digits
        _refuse_syntax(text, file, str(error))


def _refuse_syntax(text: str, file: str, reason: str) -> NoReturn:
    line = len(text.splitlines()) or 1 if reason.endswith("(at end of document)") else None
    if found := re.search(r"\(at line (\d+), column \d+\)$", reason):
        line = int(found[1])
    raise InvalidProject(file, reason, line=line)


def kept_document(file: Path, content: bytes) -> dict[str, Any] | None:
    """The document of a project file with this content, without parsing; None when it is not known.

    A pyproject.dx that is missing, stale, damaged or unreadable is none.
    """
    try:
        with DxDocument.open(_place(file)) as kept:
            return kept.to_dict() if kept.is_of(content) else None
    except InvalidDocument:
        return None


def keep_document(file: Path) -> bool:
    """Let the environment beside a project file keep the file's document as it is now.

    The environment's lock must be held. False when nothing is kept: the environment takes no file, or the file, edited
    meanwhile, says nothing that can be kept. Then it is parsed again next time.
    """
    try:
        content = read_content(file)
        if _is_kept(file, content):
            return True
        document = parse(decode(content, str(file)), str(file))
        data = build_dx(document, content, file=str(file))
    except (FileNotFoundError, InvalidProject, InvalidDocument):
        return False
    return _replace(_place(file), data)


def _is_kept(file: Path, content: bytes) -> bool:
    try:
        with DxDocument.open(_place(file)) as kept:
            return kept.is_of(content)
    except InvalidDocument:
        return False


def _place(file: Path) -> str:
    return os.path.join(file.parent, ENVIRONMENT_NAME, DOCUMENT_NAME)


def _replace(path: str, data: bytes) -> bool:
    beside = f"{path}.new"
    try:
        with open(beside, "wb") as file:
            file.write(data)
        os.replace(beside, path)
    except OSError:
        with suppress(OSError):
            os.unlink(beside)
        return False
    return True
