"""Reading what `[tool.dxpy]` says of builds, which `[tool.uv]` says in the same words."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

from dxpy_async.core.amendments import Statement
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.project.build_table import BuildTable, Config
from dxpy_async.project.source_reader import SourceReader
from dxpy_async.project.toml_reader import key_at, kind_of

BUILD_KEYS = (
    "build-constraint-dependencies",
    "build-timeout",
    "config-settings",
    "config-settings-package",
    "extra-build-dependencies",
    "no-binary",
    "no-binary-package",
    "no-build",
    "no-build-isolation",
    "no-build-isolation-package",
    "no-build-package",
)


class BuildReader(SourceReader):
    """The keys about builds in the tables of tools."""

    @property
    def _origin(self) -> str:
        """How statements call the file that they stand in."""
        return os.path.basename(self._file)

    def _builds(self, table: Mapping[str, Any], where: str) -> BuildTable:
        extra = self._of_projects(table, "extra-build-dependencies", where)
        return BuildTable(
            no_build=self._boolean(table, "no-build", key_at(where, "no-build")),
            no_build_projects=self._projects(table, "no-build-package", where),
            no_binary=self._boolean(table, "no-binary", key_at(where, "no-binary")),
            no_binary_projects=self._projects(table, "no-binary-package", where),
            no_isolation=self._boolean(table, "no-build-isolation", key_at(where, "no-build-isolation")),
            not_isolated_projects=self._projects(table, "no-build-isolation-package", where),
            config=self._config(table, "config-settings", key_at(where, "config-settings")),
            config_of=self._config_of(table, where),
            constraints=self._statements(table, "build-constraint-dependencies", where),
            extra_requires={
                normalize(name): self._requirements(extra, name, f"{key_at(where, 'extra-build-dependencies')}.{name}")
                for name in extra
            },
            timeout=self._build_timeout(table, key_at(where, "build-timeout")),
        )

    def _statements(self, table: Mapping[str, Any], key: str, where: str) -> tuple[Statement, ...]:
        where = key_at(where, key)
        texts = self._strings(table, key, where)
        start = (self._place_of_key(where) or 0) if texts else 0
        return tuple(
            Statement(self._requirement(text, where), f"{self._origin}:{self._line_after(start, text) or 1}")
            for text in texts
        )

    def _projects(self, table: Mapping[str, Any], key: str, where: str) -> frozenset[ProjectName]:
        names = self._strings(table, key, key_at(where, key))
        self._check_projects(names, key_at(where, key))
        return frozenset(map(normalize, names))

    def _of_projects(self, table: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
        """A table whose keys are names of projects."""
        found = self._table(table, key, key_at(where, key))
        self._check_projects(found, key_at(where, key))
        return found

    def _config_of(self, table: Mapping[str, Any], where: str) -> dict[ProjectName, Config]:
        key = "config-settings-package"
        found = self._of_projects(table, key, where)
        return {normalize(name): self._config(found, name, f"{key_at(where, key)}.{name}") for name in found}

    def _config(self, holder: Mapping[str, Any], key: str, where: str) -> Config:
        values = self._table(holder, key, where)
        return {name: self._config_values(value, f"{where}.{name}") for name, value in values.items()}

    def _config_values(self, value: object, where: str) -> tuple[str, ...]:
        values = value if isinstance(value, list) else [str(value).lower() if isinstance(value, bool) else value]
        if not values or not all(isinstance(each, str) for each in values):
            line = self._line_of_key(where)
            self._refuse(f"`{where}` must be a string or an array of strings, not {kind_of(value)}", line=line)
        return tuple(values)

    def _build_timeout(self, table: Mapping[str, Any], where: str) -> float | None:
        value = table.get("build-timeout")
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            self._refuse(f"`{where}` must be a number of seconds above 0", line=self._line_of_key(where))
        return float(value)
