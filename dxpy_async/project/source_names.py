"""What a source is called, as far as it says so without being built."""

from __future__ import annotations

import configparser
import tomllib
from pathlib import Path

from dxpy_async.core.names import ProjectName, is_valid_name, normalize
from dxpy_async.core.places import PROJECT_NAME
from dxpy_async.core.source_urls import ArchiveUrl
from dxpy_async.formats.simple_page import name_and_version


def name_of_directory(directory: Path) -> ProjectName | None:
    """The name in the pyproject.toml ([project], or Poetry's table) or setup.cfg of `directory`; None: in neither."""
    try:
        document = tomllib.loads((directory / PROJECT_NAME).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        document = {}
    tables = (document.get("project"), _table(_table(document, "tool"), "poetry"))
    names = [table["name"] for table in tables if isinstance(table, dict) and isinstance(table.get("name"), str)]
    return _valid(names[0] if names else _name_in_setup(directory / "setup.cfg"))


def _table(document: object, key: str) -> object:
    return document.get(key) if isinstance(document, dict) else None


def _name_in_setup(file: Path) -> str:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(file, encoding="utf-8")
        return parser.get("metadata", "name", fallback="").strip()
    except (configparser.Error, UnicodeDecodeError):
        return ""


def name_of_archive(url: ArchiveUrl) -> ProjectName | None:
    """The name that the name of a wheel or an sdist begins with; None for one that is called otherwise."""
    return _valid(name_and_version(url.filename)[0])


def _valid(name: str) -> ProjectName | None:
    return normalize(name) if is_valid_name(name) else None
