"""Settings for programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from dxpy_async import ConfigManager, Scope
from dxpy_async.errors import UsageError


async def test_settings_are_read_written_and_taken_away(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "system"), "PIP_CONFIG_FILE": "/dev/null"}
    config = ConfigManager(tmp_path, environ=environ)
    assert (await config.get("link-mode")).is_default
    file = await config.set("link-mode", "copy")
    assert file == tmp_path / ".config/dxpy/dxpy.toml"
    found = await config.get("link-mode")
    assert (found.value, str(found.origins[0])) == ("copy", f"{file}:1")
    assert await config.unset("link-mode") == file
    assert (await config.get("link-mode")).value == "hardlink"
    with pytest.raises(UsageError):
        await config.unset("link-mode", scope=Scope.USER)
    assert {setting.key for setting in await config.list()} >= {"index-url", "cache-dir", "no-build"}
