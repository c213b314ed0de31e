"""The settings of builds out of flags, variables and tables; the later wins: table, variables, flags.

setting                  [tool.dxpy]                    variable                 flag
build nothing            no-build                       DXPY_NO_BUILD            no_build
… of one project         no-build-package               DXPY_NO_BUILD_PACKAGE    no_build_package
take no wheels           no-binary                      DXPY_NO_BINARY           no_binary
… of one project         no-binary-package              DXPY_NO_BINARY_PACKAGE   no_binary_package
in the environment       no-build-isolation             DXPY_NO_BUILD_ISOLATION  no_build_isolation
… of one project         no-build-isolation-package                              no_build_isolation_package
for backends             config-settings                                         config_setting (key=value)
… of one project         config-settings-package                                 config_settings_package (name:…)
constraints              build-constraint-dependencies
… in files                                              DXPY_BUILD_CONSTRAINT    build_constraint
requirements not said    extra-build-dependencies
patience, seconds        build-timeout                  DXPY_BUILD_TIMEOUT       build_timeout
builds at once                                          DXPY_CONCURRENT_BUILDS
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from dxpy_async.core.names import ProjectName, is_valid_name, normalize
from dxpy_async.core.settings import BuildSettings
from dxpy_async.errors import UsageError
from dxpy_async.project.build_table import BuildTable
from dxpy_async.project.statements import read_statements

SWITCHES = ("no_build", "no_binary", "no_build_isolation")
"""The flags that are given or not."""
VALUES = (
    *("no_build_package", "no_binary_package", "no_build_isolation_package"),
    *("config_setting", "config_settings_package", "build_constraint", "build_timeout"),
)
"""The flags that have a value."""


class Given(Protocol):
    """What flags and variables say."""

    def text(self, flag: str, variable: str) -> str | None: ...

    def texts(self, flag: str, variable: str, separator: str | None) -> list[str]: ...

    def switch_if_said(self, flag: str, variable: str, default: bool | None) -> bool | None: ...

    def count(self, variable: str, default: int) -> int: ...

    def origin(self, flag: str, variable: str, elsewhere: str) -> str: ...


def build_settings(given: Given, table: BuildTable, directory: Path | None) -> BuildSettings:
    """All that is said of builds. Raises UsageError, naming the flag or variable."""
    files = given.texts("build_constraint", "DXPY_BUILD_CONSTRAINT", None)
    return BuildSettings(
        no_build=given.switch_if_said("no_build", "DXPY_NO_BUILD", table.no_build) is True,
        no_build_projects=table.no_build_projects | _projects(given, "no_build_package", "DXPY_NO_BUILD_PACKAGE"),
        no_binary=given.switch_if_said("no_binary", "DXPY_NO_BINARY", table.no_binary) is True,
        no_binary_projects=table.no_binary_projects | _projects(given, "no_binary_package", "DXPY_NO_BINARY_PACKAGE"),
        isolated=given.switch_if_said("no_build_isolation", "DXPY_NO_BUILD_ISOLATION", table.no_isolation) is not True,
        not_isolated_projects=table.not_isolated_projects | _projects(given, "no_build_isolation_package"),
        config={**table.config, **_config(given.texts("config_setting", "", None), "--config-setting")},
        config_of={**table.config_of, **_config_of(given, table)},
        constraints=table.constraints + read_statements(files, "build constraints", directory),
        extra_requires=table.extra_requires,
        timeout=_timeout(given, table),
        concurrent=given.count("DXPY_CONCURRENT_BUILDS", 0) or None,
    )


def _projects(given: Given, flag: str, variable: str = "") -> frozenset[ProjectName]:
    names = given.texts(flag, variable, None)
    for name in names:
        if not is_valid_name(name):
            raise UsageError(f"{given.origin(flag, variable, '')} is `{name}`, which is not the name of a project")
    return frozenset(map(normalize, names))


def _config(texts: Iterable[str], origin: str) -> dict[str, tuple[str, ...]]:
    """`key=value` pairs; a key that comes again has several values."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"{origin} is `{text}`; it must be a key, `=` and a value")
        found[key] = (*found.get(key, ()), value)
    return found


def _config_of(given: Given, table: BuildTable) -> dict[ProjectName, Mapping[str, tuple[str, ...]]]:
    origin = "--config-settings-package"
    pairs: dict[ProjectName, list[str]] = {}
    for text in given.texts("config_settings_package", "", None):
        name, colon, pair = text.partition(":")
        if not colon or not is_valid_name(name):
            raise UsageError(f"{origin} is `{text}`; it must be the name of a project, `:`, a key, `=` and a value")
        pairs.setdefault(normalize(name), []).append(pair)
    return {name: {**table.config_of.get(name, {}), **_config(each, origin)} for name, each in pairs.items()}


def _timeout(given: Given, table: BuildTable) -> float | None:
    text = given.text("build_timeout", "DXPY_BUILD_TIMEOUT")
    if text is None:
        return table.timeout
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        origin = given.origin("build_timeout", "DXPY_BUILD_TIMEOUT", "")
        raise UsageError(f"{origin} is `{text}`; it must be a number of seconds above 0")
    return seconds
