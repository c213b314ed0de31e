"""Reading `[tool.dxpy]`, or the part of `[tool.uv]` that says the same in the same words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar

from dxpy_async.core.amendments import Amendments, Statement
from dxpy_async.core.names import ProjectName, normalize, normalize_group
from dxpy_async.core.resolution_settings import Prereleases, ResolutionMode
from dxpy_async.core.settings import (
    Authentication,
    IndexStrategy,
    KeyringProvider,
    LinkMode,
    PythonDownloads,
    PythonPreference,
    TrustedPublishingUse,
)
from dxpy_async.core.upload_limits import InvalidUploadLimit, UploadLimit, UploadLimits, parse_upload_limit
from dxpy_async.project.build_reader import BUILD_KEYS, BuildReader
from dxpy_async.project.tasks import parse_tasks
from dxpy_async.project.toml_reader import key_at
from dxpy_async.project.tool_table import NamedIndex, ToolTable, WorkspaceTable

ChoiceT = TypeVar("ChoiceT", bound=StrEnum)


SETTINGS = (
    "allow-insecure-host",
    "check-url",
    "compile-bytecode",
    "constraint-dependencies",
    "exclude-dependencies",
    "exclude-newer",
    "exclude-newer-package",
    "extra-index-url",
    "find-links",
    "hints",
    "index",
    "index-strategy",
    "index-url",
    "keyring-provider",
    "link-mode",
    "no-index",
    "override-dependencies",
    "prerelease",
    "prerelease-package",
    "python",
    "python-downloads",
    "python-install-mirror",
    "publish-url",
    "python-preference",
    "resolution",
    "trusted-publishing",
    *BUILD_KEYS,
)
"""The keys of [tool.dxpy] that can also stand in files of settings."""
OF_PROJECTS = ("default-groups", "package", "scripts", "sources", "workspace")
"""Those that only a project can say."""
_OF_WORKSPACES = ("members", "exclude", "catalog")


_OF_INDEXES = (*("name", "url", "default", "explicit", "authenticate", "ignore-error-codes", "mirrors", "publish-url"),)


class _GivenIndex(NamedTuple):
    """A table of an index: `name` is empty when it has none, `kind` is `default`, `explicit` or nothing."""

    name: str
    url: str
    kind: str
    authenticate: Authentication | None
    ignored_errors: frozenset[int] | None
    publish_url: str | None
    mirrors: tuple[str, ...]


def is_mirror(url: str) -> bool:
    """Whether `url` can be that of an index's mirror."""
    scheme, _, rest = url.partition("://")
    return scheme.lower() in ("http", "https") and bool(rest)


class ToolReader(BuildReader):
    """The tables of tools in a pyproject.toml."""

    def workspace(self) -> WorkspaceTable | None:
        """What the file says of its workspace, if it is the root of one."""
        tools = self._table(self._document, "tool", "tool")
        name = "dxpy" if "dxpy" in tools else "uv"
        table, where = self._table(tools, name, f"tool.{name}"), f"tool.{name}.workspace"
        if "workspace" not in table:
            return None
        workspace = self._table(table, "workspace", where)
        for key in workspace if name == "dxpy" else ():
            if key not in _OF_WORKSPACES:
                line = self._line_of_key(f"{where}.{key}")
                self._refuse(
                    f"[{where}] has no setting `{key}`", line=line, hints=(f"there are {', '.join(_OF_WORKSPACES)}",)
                )
        members, exclude = (self._strings(workspace, key, f"{where}.{key}") for key in ("members", "exclude"))
        for key, globs in (("members", members), ("exclude", exclude)):
            for glob in globs:
                self._check_glob(glob, f"{where}.{key}")
        return WorkspaceTable(tuple(members), tuple(exclude), where)

    def _check_glob(self, glob: str, where: str) -> None:
        reason = ""
        if not glob.strip("./") or "\0" in glob:
            reason = "names no directory"
        elif glob.startswith(("/", "~")) or ":" in glob or "\\" in glob:
            reason = "is not a path below the workspace, with `/` between names"
        elif ".." in glob.split("/"):
            reason = "leads out of the workspace"
        if reason:
            self._refuse(f"`{where}` has `{glob}`, which {reason}", line=self._line_of(glob, where))

    def refuse_member(self, glob: str, table: WorkspaceTable, reason: str) -> NoReturn:
        """Refuse what one of the globs for members names."""
        where = f"{table.name}.members"
        self._refuse(f"`{where}` has `{glob}`: {reason}", line=self._line_of(glob, where))

    def refuse(self, reason: str, *, hints: Iterable[str] = ()) -> NoReturn:
        """Refuse the file as a whole."""
        self._refuse(reason, hints=hints)

    def _catalog(self, table: Mapping[str, Any], where: str) -> tuple[Statement, ...]:
        """The workspace's catalog: the versions that its members may have of a project, without being asked for it."""
        where = f"{where}.workspace.catalog"
        workspace = table.get("workspace")
        catalog = self._table(workspace, "catalog", where) if isinstance(workspace, dict) else {}
        self._check_projects(catalog, where)
        return tuple(
            Statement(
                self._requirement(f"{name}{self._string(catalog, name, f'{where}.{name}')}", where),
                f"{self._origin}:{self._line_of_key(f'{where}.{name}') or 1}",
            )
            for name in catalog
        )

    def _tool(self, root: Path) -> ToolTable:
        tools = self._table(self._document, "tool", "tool")
        if "dxpy" in tools:
            return self._dxpy_table(self._table(tools, "dxpy", "tool.dxpy"), root)
        return self._uv_table(self._table(tools, "uv", "tool.uv"), root) if "uv" in tools else ToolTable()

    def _dxpy_table(self, table: Mapping[str, Any], root: Path) -> ToolTable:
        where = "tool.dxpy"
        self._check_keys(table, where, (*SETTINGS, *OF_PROJECTS))
        return ToolTable(
            is_own=True,
            **self._settings(table, where, root),
            sources=self._sources(table, f"{where}.sources"),
            tasks=parse_tasks(self._table(table, "scripts", f"{where}.scripts"), self._refuse_task),
            package=self._boolean(table, "package", f"{where}.package"),
            **self._named_groups(table, where),
        )

    def _refuse_task(self, reason: str, key: str, hints: tuple[str, ...]) -> NoReturn:
        self._refuse(reason, line=self._line_of_key(f"tool.dxpy.scripts.{key}"), hints=hints)

    def _check_keys(self, table: Mapping[str, Any], where: str, known: Sequence[str]) -> None:
        for key in table:
            if key not in known:
                close = get_close_matches(key, known, 1)
                self._refuse(
                    f"{f'[{where}]' if where else 'it'} has no setting `{key}`",
                    line=self._line_of_key(key_at(where, key)),
                    hints=(f"did you mean `{close[0]}`?",) if close else (f"the settings are {', '.join(known)}",),
                )

    def _settings(self, table: Mapping[str, Any], where: str, root: Path) -> dict[str, Any]:
        """What can stand in files of settings too, in which `where` is empty."""
        return {
            **self._indexes(table, where, root),
            "compile_bytecode": self._boolean(table, "compile-bytecode", key_at(where, "compile-bytecode")),
            "link_mode": self._choice(table, "link-mode", key_at(where, "link-mode"), LinkMode),
            "python": self._string(table, "python", key_at(where, "python")),
            **self._pythons(table, where),
            **self._network(table, where),
            **self._publishing(table, where),
            "hints": self._boolean(table, "hints", key_at(where, "hints")),
            "builds": self._builds(table, where),
            **self._resolution(table, where),
        }

    def _network(self, table: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Who is believed, and who is asked for logins, which [tool.uv] says in the same words."""
        keyring, insecure = "keyring-provider", "allow-insecure-host"
        return {
            "keyring": self._choice(table, keyring, key_at(where, keyring), KeyringProvider),
            "insecure_hosts": tuple(self._strings(table, insecure, key_at(where, insecure))),
        }

    def _pythons(self, table: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Where interpreters come from, which [tool.uv] says in the same words."""
        preference, downloads, mirror = "python-preference", "python-downloads", "python-install-mirror"
        return {
            "python_preference": self._choice(table, preference, key_at(where, preference), PythonPreference),
            "python_downloads": self._choice(table, downloads, key_at(where, downloads), PythonDownloads),
            "python_mirror": self._string(table, mirror, key_at(where, mirror)),
        }

    def _resolution(self, table: Mapping[str, Any], where: str) -> dict[str, Any]:
        """How versions are picked, which [tool.uv] says in the same words."""
        excluded = self._strings(table, "exclude-dependencies", key_at(where, "exclude-dependencies"))
        self._check_projects(excluded, key_at(where, "exclude-dependencies"))
        return {
            "mode": self._choice(table, "resolution", key_at(where, "resolution"), ResolutionMode),
            "prereleases": self._choice(table, "prerelease", key_at(where, "prerelease"), Prereleases),
            "prereleases_of": self._prereleases_of(table, key_at(where, "prerelease-package")),
            "amendments": Amendments(
                constraints=(
                    *self._statements(table, "constraint-dependencies", where),
                    *self._catalog(table, where),
                ),
                overrides=self._statements(table, "override-dependencies", where),
                exclusions=frozenset(map(normalize, excluded)),
            ),
            "upload_limits": UploadLimits(
                general=self._upload_limit(table, "exclude-newer", key_at(where, "exclude-newer")),
                projects=self._upload_limits(table, key_at(where, "exclude-newer-package")),
            ),
        }

    def _choice(self, table: Mapping[str, Any], key: str, where: str, kind: type[ChoiceT]) -> ChoiceT | None:
        text = self._string(table, key, where)
        if text is None:
            return None
        if text not in tuple(kind):
            self._refuse(f"`{where}` is {text!r}; it can be {', '.join(kind)}", line=self._line_of_key(where))
        return kind(text)

    def _prereleases_of(self, table: Mapping[str, Any], where: str) -> dict[ProjectName, Prereleases]:
        rules = self._table(table, "prerelease-package", where)
        self._check_projects(rules, where)
        found = {normalize(name): self._choice(rules, name, f"{where}.{name}", Prereleases) for name in rules}
        return {name: rule for name, rule in found.items() if rule is not None}

    def _upload_limits(self, table: Mapping[str, Any], where: str) -> dict[ProjectName, UploadLimit | None]:
        limits = self._table(table, "exclude-newer-package", where)
        self._check_projects(limits, where)
        return {
            normalize(name): None if value is False else self._upload_limit(limits, name, f"{where}.{name}")
            for name, value in limits.items()
        }

    def _upload_limit(self, table: Mapping[str, Any], key: str, where: str) -> UploadLimit | None:
        text = self._string(table, key, where)
        if text is None:
            return None
        try:
            return parse_upload_limit(text)
        except InvalidUploadLimit as error:
            self._refuse(f"`{where}` is {text!r}, which {error}", line=self._line_of_key(where))

    def _publishing(self, table: Mapping[str, Any], where: str) -> dict[str, Any]:
        return {
            "publish_url": self._string(table, "publish-url", key_at(where, "publish-url")),
            "check_url": self._string(table, "check-url", key_at(where, "check-url")),
            "trusted_publishing": self._choice(
                table, "trusted-publishing", key_at(where, "trusted-publishing"), TrustedPublishingUse
            ),
        }

    def _indexes(self, table: Mapping[str, Any], where: str, root: Path) -> dict[str, Any]:
        """Where distributions are, which [tool.uv] says in the same words."""
        tables = table.get("index", [])
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            name = key_at(where, "index")
            self._refuse(f"`{name}` must be tables, [[{name}]]", line=self._line_of_key(key_at(where, "index")))
        found = [self._index(each, key_at(where, "index")) for each in tables]
        defaults = [index.url for index in found if index.kind == "default"]
        names = [index.name for index in found if index.name]
        if len(defaults) > 1 or len(set(names)) < len(names):
            line = self._line_of_key(key_at(where, "index"))
            self._refuse(f"`{key_at(where, 'index')}` has two defaults, or two of one name", line=line)
        return {
            "index_url": defaults[0] if defaults else self._string(table, "index-url", key_at(where, "index-url")),
            "extra_index_urls": (
                *(index.url for index in found if not index.kind),
                *self._strings(table, "extra-index-url", key_at(where, "extra-index-url")),
            ),
            "find_links": self._find_links(table, where, root),
            "no_index": self._boolean(table, "no-index", key_at(where, "no-index")),
            "strategy": self._choice(table, "index-strategy", key_at(where, "index-strategy"), IndexStrategy),
            "authentication": {index.url: index.authenticate for index in found if index.authenticate is not None},
            "ignored_errors": {index.url: index.ignored_errors for index in found if index.ignored_errors is not None},
            "mirrors": {index.url: index.mirrors for index in found if index.mirrors},
            "named_indexes": tuple(
                NamedIndex(index.name, index.url, index.publish_url) for index in found if index.name
            ),
        }

    def _index(self, table: Mapping[str, Any], where: str) -> _GivenIndex:
        name, url = self._string(table, "name", f"{where}.name") or "", self._string(table, "url", f"{where}.url")
        kinds = [kind for kind in ("default", "explicit") if table.get(kind, False)]
        if any(not isinstance(table[kind], bool) for kind in kinds):
            self._refuse(f"`{where}.{kinds[0]}` must be true or false", line=self._line_of_key(f"{where}.{kinds[0]}"))
        unknown = [key for key in table if key not in _OF_INDEXES]
        reason = ""
        if url is None:
            reason = "an index without a `url`"
        elif len(kinds) == 2 and not where.startswith("tool.uv."):
            reason = "an index that is both `default` and `explicit`"
        elif "explicit" in kinds and not name:
            reason = "an index that is explicit and has no `name`, so that nothing can be taken from it"
        elif unknown and not where.startswith("tool.uv."):
            reason = f"an index with a key `{unknown[0]}`; there are {', '.join(f'`{key}`' for key in _OF_INDEXES)}"
        if reason:
            self._refuse(f"`{where}` has {reason}", line=self._line_of_key(f"{where}.{next(iter(table), '')}"))
        authenticate = self._choice(table, "authenticate", f"{where}.authenticate", Authentication)
        return _GivenIndex(
            name,
            url or "",
            kinds[-1] if kinds else "",
            authenticate,
            self._error_codes(table, where),
            self._string(table, "publish-url", f"{where}.publish-url"),
            self._mirrors(table, f"{where}.mirrors"),
        )

    def _error_codes(self, table: Mapping[str, Any], where: str) -> frozenset[int] | None:
        """The statuses by which an index means that it has not got a project."""
        key = "ignore-error-codes"
        if key not in table:
            return None
        codes = table[key]
        if not isinstance(codes, list) or any(type(code) is not int or not 400 <= code < 600 for code in codes):
            self._refuse(
                f"`{where}.{key}` must be a list of HTTP statuses from 400 to 599, like [403]",
                line=self._line_of_key(f"{where}.{key}"),
            )
        return frozenset(codes)

    def _mirrors(self, table: Mapping[str, Any], where: str) -> tuple[str, ...]:
        mirrors = self._strings(table, "mirrors", where)
        for mirror in mirrors:
            if not is_mirror(mirror):
                self._refuse(
                    f"`{where}` has an address that is not that of a mirror",
                    line=self._line_of(mirror, where),
                    hints=("a mirror begins with https:// or http://",),
                )
        return tuple(mirrors)

    def _find_links(self, table: Mapping[str, Any], where: str, root: Path) -> tuple[str, ...]:
        places = self._strings(table, "find-links", key_at(where, "find-links"))
        return tuple(place if "://" in place else os.path.normpath(root / place) for place in places)

    def _named_groups(self, table: Mapping[str, Any], where: str) -> dict[str, Any]:
        if table.get("default-groups") == "all":
            return {"all_groups": True}
        if "default-groups" not in table:
            return {}
        names = self._strings(table, "default-groups", f"{where}.default-groups")
        return {"default_groups": tuple(normalize_group(name) for name in names)}

    def _uv_table(self, table: Mapping[str, Any], root: Path) -> ToolTable:
        """What [tool.uv] says of where distributions are, which to pick and how to build; all else is uv's own."""
        where = "tool.uv"
        return ToolTable(
            **self._of_uv(table, where, root),
            sources=self._sources(table, f"{where}.sources"),
            package=self._boolean(table, "package", f"{where}.package"),
            **self._named_groups(table, where),
        )

    def _of_uv(self, table: Mapping[str, Any], where: str, root: Path) -> dict[str, Any]:
        """What can stand in files of uv's settings too, in which `where` is empty."""
        return {
            **self._indexes(table, where, root),
            **self._publishing(table, where),
            **self._pythons(table, where),
            **self._network(table, where),
            "compile_bytecode": self._boolean(table, "compile-bytecode", key_at(where, "compile-bytecode")),
            "link_mode": self._choice(table, "link-mode", key_at(where, "link-mode"), LinkMode),
            "builds": self._builds(table, where),
            **self._resolution(table, where),
        }
