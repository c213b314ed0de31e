"""The manifest of a bundle: which files were put into a directory for installing without a network, and what for.

A JSON document beside the files. It depends on nothing but the files, so the same bundle has the same manifest:

    {"format": "dxpy-bundle", "version": 1, "python": "3.12.4", "platform": "linux x86_64",
     "files": [{"filename": …, "project": …, "version": …, "sha256": …, "size": …, "purpose": "install"}, …]}

`built_from` of a file is the identity of the source tree that it was built of (`core.source_trees`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ProjectName, is_valid_name, normalize
from dxpy_async.errors import InvalidBundle

MANIFEST_NAME = "dxpy-bundle.json"
FORMAT, VERSION = "dxpy-bundle", 1
INSTALL, BUILD = "install", "build"

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledFile:
    """A wheel or sdist in a bundle. `size` is bytes; `purpose` is `install`, or `build` for what builds alone need."""

    filename: str
    project: ProjectName
    version: str
    sha256: str
    size: int
    purpose: str = INSTALL
    built_from: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleManifest:
    """All files of a bundle, sorted by name, and the `python` and `platform` that it was made for."""

    python: str
    platform: str
    files: tuple[BundledFile, ...]

    def to_json(self) -> str:
        files = []
        for file in self.files:
            row = {
                "filename": file.filename,
                "project": file.project,
                "version": file.version,
                "sha256": file.sha256,
                "size": file.size,
                "purpose": file.purpose,
            }
            files.append(row | ({"built_from": file.built_from} if file.built_from else {}))
        document = {"format": FORMAT, "version": VERSION, "python": self.python, "platform": self.platform}
        return json.dumps({**document, "files": files}, indent=2, ensure_ascii=False) + "\n"


def parse_manifest(content: bytes, *, file: str) -> BundleManifest:
    """Raises InvalidBundle for anything but a manifest of a version that is known."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidBundle(f"`{file}` is not a manifest: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InvalidBundle(f"`{file}` is not a manifest of a bundle")
    if document.get("version") != VERSION:
        raise InvalidBundle(f"`{file}` is a manifest of version {document.get('version')!r}, known is {VERSION}")
    rows = document.get("files")
    if not isinstance(rows, list):
        raise InvalidBundle(f"`{file}` lists no files")
    return BundleManifest(
        python=str(document.get("python", "")),
        platform=str(document.get("platform", "")),
        files=tuple(_file(row, file) for row in rows),
    )


def is_plain_name(filename: str) -> bool:
    """Whether `filename` names a file in whatever directory it is held against, and no other place."""
    return bool(filename) and not filename.startswith(".") and not set(filename) & set("/\\\0")


def _file(row: Any, file: str) -> BundledFile:
    if not isinstance(row, Mapping) or not is_plain_name(str(row.get("filename", ""))):
        raise InvalidBundle(f"`{file}` has an entry that names no file")
    name, sha256, size = row.get("project"), row.get("sha256"), row.get("size")
    if not isinstance(name, str) or not is_valid_name(name):
        raise InvalidBundle(f"`{file}` has no valid project for `{row['filename']}`")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256) or not isinstance(size, int):
        raise InvalidBundle(f"`{file}` has no sha256 and size for `{row['filename']}`")
    return BundledFile(
        filename=str(row["filename"]),
        project=normalize(name),
        version=str(row.get("version", "")),
        sha256=sha256,
        size=size,
        purpose=str(row.get("purpose", INSTALL)),
        built_from=str(row.get("built_from", "")),
    )
