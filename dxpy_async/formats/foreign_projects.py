"""What the files of another tool say of a project, in the words of the standards and of [tool.dxpy]."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dxpy_async.core import parsers
from dxpy_async.core.names import is_valid_name, normalize
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.core.settings import PYPI_SIMPLE_URL
from dxpy_async.core.source_urls import (
    ArchiveUrl,
    DirectoryUrl,
    GitUrl,
    SourceUrl,
    is_archive_name,
    parse_source_url,
    path_of_file_url,
    public_url,
)

_AUTHOR = re.compile(r"\s*(?P<name>[^<]*?)\s*(?:<(?P<email>[^<>]+)>)?\s*")


@dataclass(kw_only=True)
class ForeignProject:
    """What was found so far. Lists of requirements hold their texts; keys and values are those of the tables.

    `moved` are the places in pyproject.toml that say what is said here, as keys that lead there. `left_out` tells in
    words, for people, what could not be carried over.
    """

    project: dict[str, Any] = field(default_factory=dict)
    """Of [project], without requirements."""
    dependencies: list[str] = field(default_factory=list)
    optional: dict[str, list[str]] = field(default_factory=dict)
    groups: dict[str, list[str | dict[str, str]]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    """Of [tool.dxpy], without what follows."""
    indexes: list[dict[str, str | bool]] = field(default_factory=list)
    sources: dict[str, list[dict[str, str | bool]]] = field(default_factory=dict)
    tasks: dict[str, Any] = field(default_factory=dict)
    build_system: dict[str, Any] = field(default_factory=dict)
    other: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Tables of other tools that stand for what their own files said, by name: `{"setuptools": {"dynamic": …}}`."""
    moved: list[tuple[str, ...]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def leave_out(self, what: str) -> None:
        """Note something that could not be carried over."""
        if what not in self.left_out:
            self.left_out.append(what)

    def require(
        self,
        to: list[str] | list[str | dict[str, str]],
        name: str,
        *,
        extras: Sequence[str] = (),
        specifier: str = "",
        marker: str = "",
    ) -> None:
        """Put a requirement behind the others of a list. Raises ValueError for what is none."""
        asked = f"[{','.join(extras)}]" if extras else ""
        text = f"{name}{asked}{specifier}{f' ; {marker}' if marker else ''}"
        self.require_text(to, text)

    def require_text(self, to: list[str] | list[str | dict[str, str]], text: str) -> None:
        """The same of a requirement as the standard writes it."""
        try:
            parse_requirement(text)
        except parsers.requirements.InvalidRequirement as error:
            raise ValueError(f"`{text}` is no requirement: {str(error).partition(chr(10))[0]}") from error
        name, separator, marker = text.partition(" ; " if "://" in text else ";")
        quoted = marker.strip() if "'" in marker else marker.strip().replace('"', "'")
        plain = (
            f"{name.strip()}{separator.replace(';', '; ').replace('  ', ' ')}{quoted}" if separator else name.strip()
        )
        if plain not in to:
            to.append(plain)

    def add_source(self, name: str, entry: dict[str, str | bool], *, marker: str = "") -> None:
        """Say where the project `name` comes from; `marker` when that is so in some environments only."""
        entries = self.sources.setdefault(normalize(name), [])
        if entry not in [{key: value for key, value in each.items() if key != "marker"} for each in entries]:
            entries.append({**entry, **({"marker": marker} if marker else {})})

    def add_index(self, url: str, *, name: str = "", kind: str = "") -> None:
        """Add an index; `kind` is `default`, `explicit` or nothing. The one that is there anyway is not written."""
        plain = public_url(url)
        if plain.rstrip("/") == PYPI_SIMPLE_URL and kind != "explicit":
            return
        if plain != url:
            self.leave_out(f"the user and password in the address of the index `{name or plain}`: log in to it instead")
        entry: dict[str, str | bool] = {"name": name} if name else {}
        entry["url"] = plain
        if kind and not (kind == "default" and any(each.get("default") for each in self.indexes)):
            entry[kind] = True
        if not any(each["url"] == plain and each.get("name") == entry.get("name") for each in self.indexes):
            self.indexes.append(entry)

    def people(self, key: str, texts: Sequence[object]) -> None:
        """`authors` or `maintainers`, of texts like `Name <mail@host>`."""
        found = [_AUTHOR.fullmatch(text) for text in texts if isinstance(text, str)]
        people = [{part: each[part] for part in ("name", "email") if each[part]} for each in found if each is not None]
        if any(people):
            self.project[key] = [each for each in people if each]


def source_entry(url: SourceUrl, *, editable: bool = False) -> dict[str, str | bool]:
    """How [tool.dxpy.sources] says what a direct reference leads to."""
    match url:
        case GitUrl(repository, revision, subdirectory):
            entry: dict[str, str | bool] = {"git": repository.removeprefix("git+")}
            if revision:
                entry["rev"] = revision
        case ArchiveUrl(address, _, subdirectory):
            entry = {"path": path_of_file_url(address)} if address.startswith("file:") else {"url": address}
        case DirectoryUrl(path, is_editable, _, subdirectory):
            entry = {"path": path}
            if is_editable or editable:
                entry["editable"] = True
            subdirectory = ""
    if subdirectory:
        entry["subdirectory"] = subdirectory
    return entry


def git_entry(table: Mapping[str, Any]) -> dict[str, str | bool]:
    """That of a table with `git` and `rev`, `tag` or `branch`, as Poetry and Pipenv (`ref`) write it."""
    entry: dict[str, str | bool] = {"git": git_address(str(table["git"]))}
    for key, ours in (("rev", "rev"), ("tag", "tag"), ("branch", "branch"), ("ref", "rev")):
        if isinstance(table.get(key), str):
            entry[ours] = table[key]
            break
    if isinstance(table.get("subdirectory"), str):
        entry["subdirectory"] = table["subdirectory"]
    return entry


def git_address(address: str) -> str:
    """The address of a repository with a scheme: `git@host:owner/name` is `ssh://git@host/owner/name`."""
    plain = address.removeprefix("git+")
    if "://" not in plain and (found := re.fullmatch(r"([\w.-]+@[\w.-]+):(.+)", plain)):
        return f"ssh://{found[1]}/{found[2]}"
    return plain


def path_entry(path: str, *, editable: bool = False) -> dict[str, str | bool]:
    """That of a directory, or of an archive."""
    entry: dict[str, str | bool] = {"path": path}
    if editable and not is_archive_name(path):
        entry["editable"] = True
    return entry


def located(text: str) -> tuple[str, dict[str, str | bool], str, Sequence[str]] | None:
    """The name, source, marker and extras in `name @ url` or `url#egg=name`; None for what names no place or no name.

    Raises ValueError when it leads nowhere that is known.
    """
    address, _, marker = text.partition(" ; ")
    name, at, url = address.partition(" @ ")
    if not at:
        url = address
        egg = re.search(r"[#&]egg=([^&]+)", url)
        name = egg[1] if egg is not None else ""
    plain, _, asked = name.strip().partition("[")
    if not is_valid_name(plain) or ":" not in url:
        return None
    extras = [each.strip() for each in asked.rstrip("]").split(",") if each.strip()]
    return plain, source_entry(parse_source_url(url.strip())), marker.strip(), extras
