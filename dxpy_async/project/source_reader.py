"""Reading `[tool.dxpy.sources]`, which [tool.uv] says in the same words."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dxpy_async.core import parsers
from dxpy_async.core.names import ProjectName, is_valid_name, normalize, normalize_extra, normalize_group
from dxpy_async.core.places import PROJECT_NAME
from dxpy_async.core.source_urls import (
    ArchiveUrl,
    DirectoryUrl,
    GitUrl,
    file_url,
    is_archive_name,
    parse_source_url,
)
from dxpy_async.project.document import decode, parse, read_content
from dxpy_async.project.source_tables import GivenSource, Surroundings
from dxpy_async.project.toml_reader import TomlReader, kind_of

_KINDS = ("git", "url", "path", "workspace", "index")
_REVISIONS = ("rev", "tag", "branch")
_FOR = {
    "rev": ("git",),
    "tag": ("git",),
    "branch": ("git",),
    "subdirectory": ("git", "url"),
    "editable": ("path", "workspace"),
    "package": ("path",),
}
"""Keys that go with some kinds only."""
_SCOPES = ("marker", "extra", "group")
_OF_UV = ("lfs",)


class SourceReader(TomlReader):
    """The table of sources in a pyproject.toml."""

    def __init__(
        self,
        content: bytes,
        file: Path,
        document: dict[str, Any] | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        """Without `surroundings` the file is that of a project in no workspace, with a lock of its own."""
        super().__init__(content, file, document)
        self._root = file.parent
        self._surroundings = surroundings or Surroundings(str(file.parent))

    def _sources(self, holder: Mapping[str, Any], where: str) -> dict[ProjectName, tuple[GivenSource, ...]]:
        table = self._table(holder, "sources", where)
        self._check_projects(table, where)
        return {
            normalize(name): self._source(value, f"{where}.{name}")
            for name, value in table.items()
            if normalize(name) not in self._surroundings.passed_over
        }

    def _check_projects(self, names: Sequence[str] | Mapping[str, object], where: str) -> None:
        for name in names:
            if not is_valid_name(name):
                self._refuse(
                    f"`{where}` names {name!r}, which is not the name of a project", line=self._line_of_key(where)
                )

    def _source(self, value: object, where: str) -> tuple[GivenSource, ...]:
        entries: list[Any] = value if isinstance(value, list) else [value]
        for entry in entries:
            if not isinstance(entry, dict):
                form = 'a table like { git = "https://…" }, or an array of such'
                self._refuse(f"`{where}` must be {form}, not {kind_of(entry)}", line=self._line_of_key(where))
        if not entries:
            self._refuse(f"`{where}` gives no source", line=self._line_of_key(where))
        sources = tuple(self._one_source(entry, where) for entry in entries)
        self._check_overlap(sources, where)
        return sources

    def _check_overlap(self, sources: Sequence[GivenSource], where: str) -> None:
        for place, one in enumerate(sources):
            for other in sources[:place]:
                same = (one.extra, one.group) == (other.extra, other.group)
                if same and (one.marker == other.marker or not one.marker or not other.marker):
                    self._refuse(
                        f"`{where}` gives two sources for the same requirements",
                        line=self._line_of_key(where),
                        hints=("give each a `marker` that the other has not, or an `extra` or `group` of its own",),
                    )

    def _one_source(self, table: Mapping[str, Any], where: str) -> GivenSource:
        line = self._line_of_key(where)
        kinds = [kind for kind in _KINDS if kind in table]
        known = (*_KINDS, *_FOR, *_SCOPES, *(_OF_UV if where.startswith("tool.uv.") else ()))
        for key in table:
            if key not in known:
                close = get_close_matches(key, known, 1)
                hint = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(known)}"
                self._refuse(f"`{where}` has a key `{key}`", line=line, hints=(hint,))
        if len(kinds) != 1:
            reason = f"is both `{kinds[0]}` and `{kinds[1]}`" if kinds else "does not say where the project comes from"
            self._refuse(f"`{where}` {reason}", line=line, hints=(f"give one of {', '.join(_KINDS)}",))
        for key, fitting in _FOR.items():
            if key in table and kinds[0] not in fitting:
                self._refuse(f"`{where}` has `{key}`, which goes with {' and '.join(fitting)} only", line=line)
        read = {
            "git": self._git_source,
            "url": self._url_source,
            "path": self._path_source,
            "workspace": self._workspace_source,
        }
        extra, group = (self._string(table, key, f"{where}.{key}") for key in ("extra", "group"))
        if extra and group:
            self._refuse(f"`{where}` is for an extra and for a group; it can be for one of them", line=line)
        is_index = kinds[0] == "index"
        return GivenSource(
            url=None if is_index else read[kinds[0]](table, where),
            index=self._index_source(table, where) if is_index else "",
            marker=self._marker(table, where),
            extra=normalize_extra(extra) if extra else None,
            group=normalize_group(group) if group else None,
            line=line,
        )

    def _marker(self, table: Mapping[str, Any], where: str) -> str:
        text = self._string(table, "marker", f"{where}.marker")
        if not text:
            return ""
        try:
            marker = str(parsers.markers.Marker(text))
        except parsers.markers.InvalidMarker as error:
            self._refuse(
                f"`{where}.marker` is not a marker: {str(error).partition(chr(10))[0]}", line=self._line_of_key(where)
            )
        if "extra" in marker.split():
            self._refuse(
                f"`{where}.marker` asks about extras", line=self._line_of_key(where), hints=('say `extra = "…"`',)
            )
        return marker

    def _index_source(self, table: Mapping[str, Any], where: str) -> str:
        if any(key in table for key in _SCOPES):
            self._refuse(
                f"`{where}` takes the project from an index under a condition, and an index can only hold everywhere",
                line=self._line_of_key(where),
                hints=("give the index alone, without `marker`, `extra` and `group`",),
            )
        return self._string(table, "index", f"{where}.index") or ""

    def _git_source(self, table: Mapping[str, Any], where: str) -> str:
        line = self._line_of_key(where)
        repository = (self._string(table, "git", f"{where}.git") or "").removeprefix("git+")
        revisions = [key for key in _REVISIONS if key in table]
        if len(revisions) > 1:
            self._refuse(f"`{where}` has both `{revisions[0]}` and `{revisions[1]}`", line=line)
        if self._boolean(table, "lfs", f"{where}.lfs"):
            self._refuse(f"`{where}` asks for files of git LFS, which dxpy does not fetch", line=line)
        revision = self._string(table, revisions[0], f"{where}.{revisions[0]}") if revisions else None
        subdirectory = self._string(table, "subdirectory", f"{where}.subdirectory")
        if "://" not in repository:
            hint = "write it like `https://host/owner/name` or `ssh://git@host/owner/name`"
            self._refuse(f"`{where}.git` is not the URL of a repository", line=line, hints=(hint,))
        return self._checked(GitUrl(repository, revision or "", subdirectory or ""), f"{where}.git", line)

    def _url_source(self, table: Mapping[str, Any], where: str) -> str:
        line = self._line_of_key(where)
        url = self._string(table, "url", f"{where}.url") or ""
        subdirectory = self._string(table, "subdirectory", f"{where}.subdirectory")
        text = f"{url}{'&' if '#' in url else '#'}subdirectory={subdirectory}" if subdirectory else url
        try:
            parsed = parse_source_url(text)
        except ValueError as error:
            self._refuse(f"`{where}.url` leads to no archive: {error}", line=line)
        if not isinstance(parsed, ArchiveUrl):
            kind = "git" if isinstance(parsed, GitUrl) else "path"
            self._refuse(f"`{where}.url` leads to no archive", line=line, hints=(f"say `{kind}` instead of `url`",))
        return str(parsed)

    def _path_source(self, table: Mapping[str, Any], where: str) -> str:
        given = self._string(table, "path", f"{where}.path") or ""
        if not given or "\0" in given:
            self._refuse(f"`{where}.path` names no file or directory", line=self._line_of_key(where))
        place = os.path.normpath(self._root / given)
        path = given if os.path.isabs(given) else relative_place(place, self._surroundings.lock_root)
        editable = self._boolean(table, "editable", f"{where}.editable")
        if is_archive_name(place) and not os.path.isdir(place):
            if editable:
                self._refuse(f"`{where}` is an archive, which cannot be editable", line=self._line_of_key(where))
            return str(ArchiveUrl(file_url(path)))
        packaged = self._boolean(table, "package", f"{where}.package")
        if packaged is None:
            packaged = is_packaged(Path(place))
        return str(
            DirectoryUrl(path, is_editable=bool(editable) and packaged is not False, is_virtual=packaged is False)
        )

    def _workspace_source(self, table: Mapping[str, Any], where: str) -> str:
        line, members, name = self._line_of_key(where), self._surroundings.members, where.rpartition(".")[2]
        if self._boolean(table, "workspace", f"{where}.workspace") is not True:
            self._refuse(f"`{where}.workspace` can only be true", line=line, hints=("leave the source out",))
        if members is None:
            self._refuse(
                f"`{where}` says that `{name}` is in the same workspace, and this project is in none",
                line=line,
                hints=("a workspace is made by [tool.dxpy.workspace] with `members` in a directory above",),
            )
        url = members.get(normalize(name))
        if url is None:
            known = get_close_matches(normalize(name), members, 2) or sorted(members)
            self._refuse(
                f"`{where}` says that `{name}` is in the same workspace, which has no member of that name",
                line=line,
                hints=(f"there is {', '.join(f'`{each}`' for each in known)}",),
            )
        if self._boolean(table, "editable", f"{where}.editable") is not False:
            return url
        parsed = parse_source_url(url)
        return str(parsed._replace(is_editable=False) if isinstance(parsed, DirectoryUrl) else parsed)

    def _checked(self, url: GitUrl, where: str, line: int | None) -> str:
        try:
            parse_source_url(str(url))
        except ValueError as error:
            self._refuse(f"`{where}` cannot be fetched: {error}", line=line)
        return str(url)


def relative_place(place: str, lock_root: str) -> str:
    """The path `place`, absolute, as seen from the directory of the lock, with `/`; absolute where there is no way."""
    try:
        return os.path.relpath(place, lock_root).replace(os.sep, "/")
    except ValueError:  # another drive
        return place.replace(os.sep, "/")


def is_packaged(directory: Path) -> bool | None:
    """What the pyproject.toml in `directory` says of itself: whether it is to be installed; None when it does not say.

    Raises InvalidProject for one that is no TOML.
    """
    file = directory / PROJECT_NAME
    try:
        content = read_content(file)
    except FileNotFoundError:
        return None
    return packaged_of(parse(decode(content, str(file)), str(file)))


def packaged_of(document: Mapping[str, Any]) -> bool | None:
    """The same of a document."""
    tools = document.get("tool")
    table = (tools.get("dxpy") or tools.get("uv")) if isinstance(tools, dict) else None
    said = table.get("package") if isinstance(table, dict) else None
    return said if isinstance(said, bool) else None


__all__ = ["SourceReader", "is_packaged", "packaged_of", "relative_place"]
