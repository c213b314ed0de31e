"""Settings for programs and for `dxpy config`: what counts and why, and changing what files say."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path

from dxpy_async.core.places import PROJECT_NAME
from dxpy_async.errors import ProjectNotFound, UsageError
from dxpy_async.index.finishing import in_thread
from dxpy_async.project.config_places import SETTINGS_NAME, settings_files
from dxpy_async.project.document import decode, parse, read_content
from dxpy_async.project.pyproject import Project, find_project
from dxpy_async.project.setting_editing import remove_setting, write_setting
from dxpy_async.project.setting_origins import EffectiveSetting, effective_settings, setting_named
from dxpy_async.project.settings import SettingsPlace
from dxpy_async.project.tool_reader import OF_PROJECTS
from dxpy_async.project.workspaces import open_project


class Scope(StrEnum):
    """For whom a setting is written."""

    USER = "user"
    PROJECT = "project"
    SYSTEM = "system"


class ConfigManager:
    """Settings as they count in a directory, and the files that have them.

        config = ConfigManager(Path("my-project"))
        print((await config.get("link-mode")).value)
        await config.set("link-mode", "symlink", scope=Scope.PROJECT)

    Files are read anew by each call. All methods raise UsageError, InvalidProject and InvalidSettings.
    """

    def __init__(
        self, directory: Path, *, environ: Mapping[str, str] | None = None, flags: Mapping[str, object] | None = None
    ) -> None:
        """Without `environ` the variables of this process count; `flags` are those of `load_settings`."""
        self._directory = Path(os.path.abspath(directory))
        self._environ = os.environ if environ is None else environ
        self._flags = flags or {}

    async def list(self) -> tuple[EffectiveSetting, ...]:
        """All settings as they count."""
        return await in_thread(self.settings)

    async def get(self, key: str) -> EffectiveSetting:
        """One of them; `key` may lead into a table, as `prerelease-package.numpy`."""
        return setting_named(key, await self.list())

    async def set(self, key: str, *values: str, scope: Scope = Scope.USER) -> Path:
        """Write a setting, and give the file. Several values are a list."""
        return await in_thread(partial(self.write, key, values, scope))

    async def unset(self, key: str, *, scope: Scope = Scope.USER) -> Path:
        """Take a setting away that the file has, and give the file."""
        return await in_thread(partial(self.remove, key, scope))

    # The same, blocking

    def settings(self) -> tuple[EffectiveSetting, ...]:
        return effective_settings(self._flags, self._environ, self._project(), directory=self._directory)

    def write(self, key: str, values: Sequence[str], scope: Scope) -> Path:
        place = self.place(scope, key)
        write_setting(place, key, values)
        return Path(place.path)

    def remove(self, key: str, scope: Scope) -> Path:
        place = self.place(scope, key)
        if not remove_setting(place, key):
            raise UsageError(
                f"`{place.path}` does not set `{key}`", hints=("`dxpy config list` tells where settings come from",)
            )
        return Path(place.path)

    def place(self, scope: Scope, key: str = "") -> SettingsPlace:
        """Where settings of a scope are written.

        A project's go to its dxpy.toml if there is one, or if its pyproject.toml has [tool.uv] and no [tool.dxpy],
        which would put the former out of force; else into [tool.dxpy], as do those that say what a project is.
        """
        if scope is Scope.PROJECT:
            return self._place_of_project(key)
        user, *system = settings_files(None, self._environ)[::2]
        if scope is Scope.USER:
            return SettingsPlace(user, "")
        return SettingsPlace(next(filter(os.path.exists, system), system[-1]), "")

    def _place_of_project(self, key: str) -> SettingsPlace:
        # Not the project as it is read: a wrong setting must not be in the way of a right one.
        file = find_project(self._directory) / PROJECT_NAME
        beside, table = os.path.join(file.parent, SETTINGS_NAME), SettingsPlace(str(file), "tool.dxpy")
        if key.partition(".")[0] in OF_PROJECTS:
            return table
        tools = parse(decode(read_content(file), str(file)), str(file)).get("tool", {})
        is_uvs = "uv" in tools and "dxpy" not in tools
        return SettingsPlace(beside, "") if os.path.exists(beside) or is_uvs else table

    def _project(self) -> Project | None:
        try:
            return open_project(find_project(self._directory))
        except ProjectNotFound:
            return None
